import type { ProducedSplit } from '../produce/types.js';
import type { SlotLayout, TensorRegion } from '../ring/layout.js';
import { RunStatus } from '../ring/protocol.js';
import type { Ring, RowRun } from '../ring/ring.js';
import { arrayOf, type TypedArray } from '../util/dtype.js';
import { withoutRejected } from './rejected-rows.js';
import type { CompleteSplit, OutputColumn, RejectedLetter } from './types.js';

/** Puts rows of outputs, which come in any order, back into the order of their split. */
export class Assembly {
  readonly #ring: Ring;
  readonly #outputs: readonly OutputColumn[];
  readonly #splits = new Map<number, PartialSplit>();

  constructor(ring: Ring, outputs: readonly OutputColumn[]) {
    this.#ring = ring;
    this.#outputs = outputs;
  }

  /** Copies the output rows of a slot out. Returns the splits that this completes. */
  take(slot: number): CompleteSplit[] {
    const complete: CompleteSplit[] = [];
    for (const run of this.#ring.runs(slot)) {
      const split = this.#split(run.split);
      split.copy(this.#ring, slot, run);
      split.received += run.count;
      this.#collect(run.split, complete);
    }
    for (const run of this.#ring.runs(slot, RunStatus.REJECTED)) {
      const split = this.#split(run.split);
      split.received += run.count;
      split.rejected += run.count;
      this.#collect(run.split, complete);
    }
    return complete;
  }

  /** What became of rows of a split that came as rejected. */
  rejected(index: number, letters: readonly RejectedLetter[]): CompleteSplit[] {
    const complete: CompleteSplit[] = [];
    this.#split(index).letters.push(...letters);
    this.#collect(index, complete);
    return complete;
  }

  /** All rows of a split are in the ring, and this is how many. */
  produced(produced: ProducedSplit): CompleteSplit[] {
    const complete: CompleteSplit[] = [];
    this.#split(produced.split).produced = produced;
    this.#collect(produced.split, complete);
    return complete;
  }

  #split(index: number): PartialSplit {
    let split = this.#splits.get(index);
    if (split === undefined) {
      split = new PartialSplit(this.#ring.layout, this.#outputs);
      this.#splits.set(index, split);
    }
    return split;
  }

  #collect(index: number, complete: CompleteSplit[]): void {
    const split = this.#split(index);
    if (split.produced === undefined) return;
    const rows = split.produced.batchRows.reduce((sum, count) => sum + count, 0);
    if (split.received < rows || split.letters.length < split.rejected) return;
    this.#splits.delete(index);
    const whole = { produced: split.produced, outputs: split.values(rows) };
    complete.push(split.rejected === 0 ? whole : withoutRejected(whole, split.letters));
  }
}

/** Room for one output of a split; it grows, since the number of rows is known only once the split is produced. */
interface GrowingColumn {
  readonly as: string;
  readonly tensor: TensorRegion;
  values: TypedArray;
}

class PartialSplit {
  produced: ProducedSplit | undefined;
  received = 0;
  /** Among those received. */
  rejected = 0;
  readonly letters: RejectedLetter[] = [];
  readonly #columns: readonly GrowingColumn[];

  constructor(layout: SlotLayout, outputs: readonly OutputColumn[]) {
    this.#columns = outputs.map(({ as, tensor }) => {
      const region = layout.outputs[tensor];
      if (region === undefined) throw new RangeError(`no output tensor ${tensor}`);
      return { as, tensor: region, values: new (arrayOf(region.dtype))(0) };
    });
  }

  copy(ring: Ring, slot: number, run: RowRun): void {
    for (const column of this.#columns) {
      const { rowSize, dtype } = column.tensor;
      const end = (run.row + run.count) * rowSize;
      if (column.values.length < end) {
        const grown = new (arrayOf(dtype))(Math.max(end, column.values.length * 2));
        grown.set(column.values as never);
        column.values = grown;
      }
      const rows = ring
        .view(slot, column.tensor, ring.bucketOf(slot))
        .subarray(run.first * rowSize, (run.first + run.count) * rowSize);
      column.values.set(rows as never, run.row * rowSize);
    }
  }

  values(rows: number): CompleteSplit['outputs'] {
    return this.#columns.map(({ as, tensor, values }) => ({
      as,
      tensor,
      values: values.subarray(0, rows * tensor.rowSize),
    }));
  }
}
