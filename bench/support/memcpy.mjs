import { median } from './stats.mjs';

const BYTES = 64 * 2 ** 20;

/** The machine's memcpy, GB/s: `TypedArray.set` between two private buffers of 64 MiB, median of nine. */
export function memcpySpeed() {
  const source = new Uint8Array(BYTES).fill(1);
  const target = new Uint8Array(BYTES).fill(2);
  const rates = Array.from({ length: 9 }, () => {
    const start = performance.now();
    target.set(source);
    return BYTES / (performance.now() - start) / 1e6;
  });
  return median(rates);
}
