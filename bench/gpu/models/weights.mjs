// Weights of no training: numbers of a seed, spread so that what flows through a network keeps its size.

/** Uniform numbers in [0, 1), the same for the same seed: Tommy Ettinger's mulberry32. */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers around 0 with a standard deviation. */
export function spread(random, count, deviation) {
  const most = deviation * Math.sqrt(3); // of a uniform distribution
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = (2 * random() - 1) * most;
  return values;
}
