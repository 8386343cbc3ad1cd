import { exponential, type Random } from '../random.js';

export interface RampArrivals {
  readonly kind: 'ramp';
  /** Requests a second at the beginning, and after `seconds`; from then on it stays there. */
  readonly from: number;
  readonly to: number;
  readonly seconds: number;
}

/**
 * A Poisson process whose rate rises (or falls) in a straight line. Arrivals of a process of one a second, put where as many
 * are expected (inversion: Çinlar, Introduction to Stochastic Processes, 1975).
 */
export function* ramp({ from, to, seconds }: RampArrivals, random: Random): Generator<number> {
  const slope = (to - from) / seconds;
  const atEnd = ((from + to) / 2) * seconds;
  for (let expected = exponential(random); ; expected += exponential(random)) {
    if (expected >= atEnd) yield seconds + (expected - atEnd) / to;
    else if (slope === 0) yield expected / from;
    else yield (Math.sqrt(from * from + 2 * slope * expected) - from) / slope;
  }
}
