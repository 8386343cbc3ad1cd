import { rowElements } from '../ring/layout.js';
import { RunStatus, RunWord, SlotWord } from '../ring/protocol.js';
import type { RequestPage } from '../ring/request-page.js';
import type { Ring } from '../ring/ring.js';

/**
 * Takes rows out of a RUNNING slot whose request is not to run: its client is gone, or it could not be answered by its
 * deadline any more. The rows behind move up; their runs stay in the table as VOID, for the main thread to see.
 *
 * @param by when the run will be over at the earliest, microseconds of `now()`
 * @returns rows that are left
 */
export function dropEnded(ring: Ring, page: RequestPage, slot: number, by: number): number {
  const { words, map } = ring;
  const bucket = ring.bucketOf(slot);
  let left = 0;
  for (let run = 0; run < ring.slotWord(slot, SlotWord.RUNS); run++) {
    const record = map.run(slot, run);
    const place = words[record + RunWord.SPLIT] as number;
    const count = words[record + RunWord.COUNT] as number;
    const first = words[record + RunWord.FIRST] as number;
    if (page.deadline(place) < by || !page.take(place)) {
      // Nor do other rows of it that wait.
      page.end(place);
      words[record + RunWord.STATUS] = RunStatus.VOID;
      continue;
    }
    if (first !== left) {
      for (const region of ring.layout.inputs) {
        const size = rowElements(region, bucket);
        ring.regionView(slot, region).copyWithin(left * size, first * size, (first + count) * size);
      }
      words[record + RunWord.FIRST] = left;
    }
    left += count;
  }
  ring.setSlotWord(slot, SlotWord.CLAIMED, left);
  return left;
}
