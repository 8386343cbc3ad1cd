import type { RecordBatch } from 'apache-arrow';
import type { SlotLayout } from '../ring/layout.js';
import type { Claim } from '../ring/producer-side.js';
import type { Ring } from '../ring/ring.js';
import type { DType, TypedArray } from '../util/dtype.js';
import { type Convert, converter } from './convert.js';
import { type FlatColumn, flatten } from './leaf.js';

/** How one input tensor gets its values: `value × factor + term` of the elements of one column. */
export interface CollateInput {
  /** Place among the layout's inputs. */
  readonly tensor: number;
  readonly column: string;
  /** What the column's elements are. */
  readonly source: DType;
  readonly factor: number;
  readonly term: number;
}

/** A row that can't become a row of a tensor. The task adds file and row number. */
export class RowFault extends Error {
  /** In the record batch. */
  readonly row: number;
  readonly column: string;

  constructor(row: number, column: string, reason: string) {
    super(reason);
    this.row = row;
    this.column = column;
  }
}

interface Writer {
  readonly input: CollateInput;
  readonly convert: Convert;
  readonly rowSize: number;
  readonly dtype: DType;
  /** The tensor in each slot, made once. */
  readonly targets: readonly TypedArray[];
  source: FlatColumn;
}

const NOTHING: FlatColumn = { values: new Uint8Array(0), offsets: undefined, firstNull: -1 };

/** Writes rows of record batches' columns into rows of slots' tensors. */
export class Collator {
  readonly #writers: Writer[];

  constructor(ring: Ring, inputs: readonly CollateInput[]) {
    const layout: SlotLayout = ring.layout;
    this.#writers = inputs.map((input) => {
      const region = layout.inputs[input.tensor];
      if (region === undefined) throw new RangeError(`no input tensor ${input.tensor}`);
      const affine = input.factor !== 1 || input.term !== 0;
      return {
        input,
        convert: converter(input.source, region.dtype, affine),
        rowSize: region.rowSize,
        dtype: region.dtype,
        targets: Array.from({ length: ring.config.slots }, (_, slot) => ring.view(slot, region)),
        source: NOTHING,
      };
    });
  }

  /**
   * Takes the next record batch; checks what can be checked for all its rows at once.
   *
   * @throws RowFault for the first row that is null or of the wrong length
   */
  begin(batch: RecordBatch): void {
    for (const writer of this.#writers) {
      const { column } = writer.input;
      const data = batch.getChild(column)?.data[0];
      if (data === undefined) throw new RowFault(0, column, 'the record batch has no such column');
      writer.source = flatten(data);
      if (writer.source.firstNull >= 0) {
        throw new RowFault(writer.source.firstNull, column, 'is null, and a tensor has no place for nulls');
      }
      checkLengths(writer, batch.numRows);
    }
  }

  /** Writes `claim.count` rows from row `row` of the batch on. Hot: nothing is allocated here. */
  write(claim: Claim, row: number): void {
    for (const writer of this.#writers) {
      const { convert, rowSize, source, input, targets } = writer;
      const from = source.offsets === undefined ? row * rowSize : (source.offsets[row] as number);
      const target = targets[claim.slot] as TypedArray;
      const count = claim.count * rowSize;
      const misfit = convert(
        source.values,
        from,
        target,
        claim.first * rowSize,
        count,
        input.factor,
        input.term,
      );
      if (misfit >= 0) {
        const value = source.values[from + misfit];
        throw new RowFault(
          row + Math.floor(misfit / rowSize),
          input.column,
          `holds ${value}, which does not fit ${writer.dtype}`,
        );
      }
    }
  }
}

function checkLengths({ source: { offsets }, rowSize, input }: Writer, rows: number): void {
  if (offsets === undefined) return;
  for (let row = 0; row < rows; row++) {
    const length = (offsets[row + 1] as number) - (offsets[row] as number);
    if (length !== rowSize)
      throw new RowFault(row, input.column, `has ${length} values; the tensor takes ${rowSize}`);
  }
}
