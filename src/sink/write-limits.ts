import type { CompleteSplit } from './types.js';

/**
 * Parts being written at the same time. At this many, or when a second one makes them this large together, no slot is
 * taken: slow storage is felt as backpressure.
 */
const MAX_WRITES = 16;
const MAX_BYTES = 64 * 2 ** 20;

/** Whether a part of `bytes` may be written beside `writes` others of `underWay` bytes together. */
export function mayWriteBeside(writes: number, underWay: number, bytes: number): boolean {
  // Two at least: one may be encoded while the other is on its way.
  return writes < 2 || (writes < MAX_WRITES && underWay + bytes <= MAX_BYTES);
}

/** Bytes of a split as it is in memory. */
export function sizeOf({ produced: { keep }, outputs }: CompleteSplit): number {
  return [...keep, ...outputs.map(({ values }) => values)].reduce(
    (sum, { byteLength }) => sum + byteLength,
    0,
  );
}
