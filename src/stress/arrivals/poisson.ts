import { exponential, type Random } from '../random.js';

export interface PoissonArrivals {
  readonly kind: 'poisson';
  /** Requests a second, on average. */
  readonly perSecond: number;
}

/** Many clients who do not know of each other: gaps are exponential. */
export function* poisson({ perSecond }: PoissonArrivals, random: Random): Generator<number> {
  for (let at = 0; ; ) {
    at += exponential(random) / perSecond;
    yield at;
  }
}
