/** A seeded stream of numbers in [0, 1). Source: Tommy Ettinger's mulberry32 (public domain). */
export type Random = () => number;

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Time to the next event of a Poisson process of one a second. */
export function exponential(random: Random): number {
  return -Math.log(1 - random());
}
