import { exponential, type Random } from '../random.js';

export interface BurstyArrivals {
  readonly kind: 'bursty';
  /** Requests a second while it is calm. */
  readonly perSecond: number;
  /** How many times as many there are in a burst. */
  readonly factor: number;
  /** It begins calm; then calm and bursts take turns. */
  readonly calmSeconds: number;
  readonly burstSeconds: number;
}

/** A Poisson process that switches between two rates: on and off. */
export function* bursty(
  { perSecond, factor, calmSeconds, burstSeconds }: BurstyArrivals,
  random: Random,
): Generator<number> {
  let from = 0;
  for (let turn = 0; ; turn++) {
    const isBurst = turn % 2 === 1;
    const rate = isBurst ? factor * perSecond : perSecond;
    const to = from + (isBurst ? burstSeconds : calmSeconds);
    // What is left of a gap at the switch is drawn anew: a Poisson process has no memory.
    for (let at = from + exponential(random) / rate; at < to; at += exponential(random) / rate) yield at;
    from = to;
  }
}
