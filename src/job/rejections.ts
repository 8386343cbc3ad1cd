import type { RejectedRow } from '../consume/types.js';
import { type FileAccess, openFile } from '../dataset/dataset.js';
import type { Split } from '../dataset/types.js';
import type { DeadLetter } from '../produce/bad-rows.js';
import type { BatchOrigin, ProducedSplit } from '../produce/types.js';
import { DataError, InterruptedError } from '../util/errors.js';

/** Where a split's rows come from: rows in the ring are numbered without those that a filter or a producer has left out. */
interface Produced {
  readonly batchRows: readonly number[];
  readonly origins: readonly BatchOrigin[];
}

interface Waiting {
  readonly resolve: (produced: Produced) => void;
  readonly reject: (error: Error) => void;
}

const stopped = (): InterruptedError => new InterruptedError('the stream was stopped');

/** Tells what the rows that the model rejects are in their files. */
export class Rejections {
  readonly #splits: readonly Split[];
  readonly #files: FileAccess;
  /** All rows of a split go into the ring, in their order: there is no need to wait for its end. */
  readonly #isPlain: boolean;
  readonly #produced = new Map<number, Produced>();
  readonly #waiting = new Map<number, Waiting[]>();
  #stopped = false;

  constructor(splits: readonly Split[], files: FileAccess, isPlain: boolean) {
    this.#splits = splits;
    this.#files = files;
    this.#isPlain = isPlain && files.filter === undefined;
  }

  /** All rows of a split are in the ring. */
  produced({ split, batchRows, origins }: ProducedSplit): void {
    const produced = { batchRows, origins };
    this.#produced.set(split, produced);
    for (const { resolve } of this.#waiting.get(split) ?? []) resolve(produced);
    this.#waiting.delete(split);
  }

  /** A split is written: nothing more will be asked about it. */
  forget(ordinal: number): void {
    const split = this.#splits.findIndex((candidate) => candidate.ordinal === ordinal);
    this.#produced.delete(split);
  }

  /** The dead letter of a rejected row. Waits until its split is produced, where nothing else tells which row it was. */
  async letter({ split, row, reason }: RejectedRow): Promise<DeadLetter> {
    const { object, ordinal, first } = this.#splits[split] as Split;
    const { unit, rowInUnit } = this.#isPlain
      ? { unit: first, rowInUnit: row }
      : placeOf(row, await this.#once(split));
    const file = await openFile(object, this.#files, { columns: [] });
    try {
      const place = { file: object.uri, split: ordinal, row: (await file.rowsBefore(unit)) + rowInUnit };
      return { ...place, column: null, reason: `the model rejects it: ${reason}`, values: {} };
    } finally {
      await file.close();
    }
  }

  /** The stream was stopped: nobody waits any more. */
  stop(): void {
    this.#stopped = true;
    for (const waiting of this.#waiting.values()) for (const { reject } of waiting) reject(stopped());
    this.#waiting.clear();
  }

  #once(split: number): Produced | Promise<Produced> {
    const produced = this.#produced.get(split);
    if (produced !== undefined) return produced;
    if (this.#stopped) throw stopped();
    return new Promise((resolve, reject) => {
      this.#waiting.set(split, [...(this.#waiting.get(split) ?? []), { resolve, reject }]);
    });
  }
}

function placeOf(
  row: number,
  { batchRows, origins }: Produced,
): { readonly unit: number; readonly rowInUnit: number } {
  let before = 0;
  for (const [i, rows] of batchRows.entries()) {
    const origin = origins[i];
    if (row < before + rows && origin !== undefined) {
      const at = row - before;
      return { unit: origin.unit, rowInUnit: origin.rows?.[at] ?? origin.rowInUnit + at };
    }
    before += rows;
  }
  throw new RangeError(`row ${row} of ${before}`);
}

/** The error where no row may be bad. */
export function rejectionError({ file, row, reason }: DeadLetter): DataError {
  return new DataError(`${file}: row ${row}: ${reason}`, {
    file,
    row,
    hint: 'Mend or leave out the row, or let errors.maxRows of them go to _dead_letters/.',
  });
}
