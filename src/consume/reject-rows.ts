import type { ConsumerSide } from '../ring/consumer-side.js';
import type { Rejection } from './batch-runner.js';
import type { RejectedRow } from './types.js';

/** Marks rows in a RUNNING slot as rejected; returns which they are in the stream. */
export function rejectRows(
  side: ConsumerSide,
  slot: number,
  rejections: readonly Rejection[],
): RejectedRow[] {
  const reasons = new Map(rejections.map(({ row, reason }) => [row, reason]));
  return side.reject(slot, [...reasons.keys()]).flatMap(({ split, row, first, count }) =>
    Array.from({ length: count }, (_, i) => ({
      split,
      row: row + i,
      reason: reasons.get(first + i) ?? '',
    })),
  );
}
