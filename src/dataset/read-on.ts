import { awaitedLater } from '../util/ahead.js';
import type { RawBatch } from './types.js';

/**
 * Record batches in their order, until there is none or `limit` rows were given out.
 *
 * @param read begins to read the next one; undefined, or a promise of it, where there is none
 * @param ahead whether the next one is read while one is worked on. Where reads are at once there is nothing to wait for, and
 *   memory that is read just before it is worked on is still in the cache.
 */
export async function* readOn(
  read: () => Promise<RawBatch | undefined> | undefined,
  limit: number,
  ahead: boolean,
): AsyncGenerator<RawBatch, void> {
  let left = limit;
  const readNext = (): Promise<RawBatch | undefined> | undefined => {
    const reading = left > 0 ? read() : undefined;
    return reading && awaitedLater(reading);
  };
  let next = readNext();
  try {
    while (next !== undefined) {
      const raw: RawBatch | undefined = await next;
      next = undefined;
      if (raw === undefined) return;
      left -= raw.rows;
      if (ahead) next = readNext();
      yield raw;
      if (!ahead) next = readNext();
    }
  } finally {
    await next?.catch(() => {});
  }
}
