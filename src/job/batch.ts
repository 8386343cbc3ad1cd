import { batchDims } from '../ring/layout.js';
import type { LoaderSide } from '../ring/loader-side.js';
import { SlotWord } from '../ring/protocol.js';
import type { Ring, RowRun } from '../ring/ring.js';
import type { Batch, BatchTensor, RowId } from './loader-options.js';

/** A batch that lies in a slot of the ring. */
export class SlotBatch implements Batch {
  readonly rows: number;
  readonly tensors: Readonly<Record<string, BatchTensor>>;
  readonly #runs: readonly RowRun[];
  readonly #side: LoaderSide;
  readonly #slot: number;
  #ids: readonly RowId[] | undefined;
  #released = false;

  constructor(ring: Ring, side: LoaderSide, slot: number) {
    this.#side = side;
    this.#slot = slot;
    this.#runs = ring.runs(slot);
    this.rows = this.#runs.reduce((sum, { count }) => sum + count, 0);
    if (this.rows < ring.slotWord(slot, SlotWord.CLAIMED)) closeGaps(ring, slot, this.#runs);
    const bucket = ring.bucketOf(slot);
    this.tensors = Object.fromEntries(
      ring.layout.inputs.map((region) => [
        region.name,
        {
          type: region.dtype,
          data: ring.view(slot, region, bucket, this.rows),
          dims: batchDims(region, this.rows, bucket),
        },
      ]),
    );
  }

  get ids(): readonly RowId[] {
    this.#ids ??= this.#runs.flatMap(({ split, row, count }) =>
      Array.from({ length: count }, (_, i) => ({ split, row: row + i })),
    );
    return this.#ids;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#side.release(this.#slot);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Moves rows together where a producer that died left a gap. */
function closeGaps(ring: Ring, slot: number, runs: readonly RowRun[]): void {
  const bucket = ring.bucketOf(slot);
  for (const region of ring.layout.inputs) {
    const data = ring.view(slot, region, bucket);
    const size = data.length / bucket.capacity;
    let to = 0;
    for (const { first, count } of runs) {
      data.copyWithin(to * size, first * size, (first + count) * size);
      to += count;
    }
  }
}
