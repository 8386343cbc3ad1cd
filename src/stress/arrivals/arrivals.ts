import { type Random, seeded } from '../random.js';
import { type BurstyArrivals, bursty } from './bursty.js';
import { type ConstantArrivals, constant } from './constant.js';
import { type PoissonArrivals, poisson } from './poisson.js';
import { type RampArrivals, ramp } from './ramp.js';
import { type TraceArrivals, trace } from './trace.js';

/** When requests are due. Clonable. */
export type Arrivals = ConstantArrivals | PoissonArrivals | BurstyArrivals | RampArrivals | TraceArrivals;

type Of<K extends Arrivals['kind']> = Extract<Arrivals, { readonly kind: K }>;

/** A new kind is a file, and a line here: seconds from the beginning, ascending. */
const KINDS: { readonly [K in Arrivals['kind']]: (arrivals: Of<K>, random: Random) => Iterable<number> } = {
  constant,
  poisson,
  bursty,
  ramp,
  trace,
};

/** The times within `seconds` at which requests are due, from a seed: seconds from the beginning, ascending. */
export function arrivalsWithin(arrivals: Arrivals, seconds: number, seed: number): Float64Array {
  const generate = KINDS[arrivals.kind] as (arrivals: Arrivals, random: Random) => Iterable<number>;
  const times: number[] = [];
  for (const at of generate(arrivals, seeded(seed))) {
    if (at >= seconds) break;
    times.push(at);
  }
  return Float64Array.from(times);
}
