import type { RecordBatch, Schema } from 'apache-arrow';
import { DataError, messageOf } from '../../util/errors.js';
import { takeRows } from '../take.js';
import type { BatchRange, DataFile, FileUnit, RawBatch } from '../types.js';
import type { Predicate } from './bind.js';
import { selectedRows } from './evaluate.js';
import { mayMatch } from './prune.js';

const NONE: RawBatch['stored'] = new Map();

/**
 * A file of which only those rows are given out for which a filter is true; units in which there can be none are not
 * read. A limit counts the rows of the file, before the filter.
 */
export class FilteredFile implements DataFile {
  readonly #file: DataFile;
  readonly #uri: string;
  readonly #predicate: Predicate;
  readonly #columns: readonly string[] | undefined;

  /** @param columns those to give out; the file decodes what the filter needs besides */
  constructor(file: DataFile, uri: string, predicate: Predicate, columns: readonly string[] | undefined) {
    this.#file = file;
    this.#uri = uri;
    this.#predicate = predicate;
    this.#columns = columns;
  }

  get schema(): Schema {
    return this.#file.schema;
  }

  get units(): readonly FileUnit[] {
    return this.#file.units;
  }

  async *batches({
    first,
    count,
    limit = Number.POSITIVE_INFINITY,
  }: BatchRange): AsyncGenerator<RawBatch, void> {
    const end = first + count;
    const firstRow = limit === Number.POSITIVE_INFINITY ? 0 : await this.rowsBefore(first);
    for (let from = first; from < end; ) {
      if (!this.#mayMatch(from)) {
        from++;
        continue;
      }
      let to = from + 1;
      while (to < end && this.#mayMatch(to)) to++;
      const left =
        limit === Number.POSITIVE_INFINITY ? limit : limit - ((await this.rowsBefore(from)) - firstRow);
      if (left <= 0) return;
      yield* this.#filter({ first: from, count: to - from, limit: left });
      from = to;
    }
  }

  async *#filter(range: Required<BatchRange>): AsyncGenerator<RawBatch, void> {
    let left = range.limit;
    const inner =
      range.limit === Number.POSITIVE_INFINITY ? { first: range.first, count: range.count } : range;
    for await (const raw of this.#file.batches(inner)) {
      yield new FilteredBatch(raw, left, (batch) => this.#select(batch));
      if (left !== Number.POSITIVE_INFINITY) left -= raw.rows;
    }
  }

  #select(batch: RecordBatch): { batch: RecordBatch; rows: Int32Array } {
    try {
      const rows = selectedRows(this.#predicate, batch);
      const wanted = this.#columns === undefined ? batch : batch.select([...this.#columns]);
      return { batch: takeRows(wanted, rows), rows };
    } catch (cause) {
      throw new DataError(`${this.#uri}: source.filter: ${messageOf(cause)}`, { file: this.#uri, cause });
    }
  }

  #mayMatch(unit: number): boolean {
    const { range } = this.#file;
    return range === undefined || mayMatch(this.#predicate, (column) => this.#file.range?.(unit, column));
  }

  rowsBefore(unit: number): Promise<number> {
    return this.#file.rowsBefore(unit);
  }

  codecs(): Promise<readonly string[]> {
    return this.#file.codecs();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

class FilteredBatch implements RawBatch {
  readonly #raw: RawBatch;
  readonly #limit: number;
  readonly #select: (batch: RecordBatch) => { batch: RecordBatch; rows: Int32Array };
  readonly stored = NONE;
  #selected: { batch: RecordBatch; rows: Int32Array } | undefined;

  constructor(
    raw: RawBatch,
    limit: number,
    select: (batch: RecordBatch) => { batch: RecordBatch; rows: Int32Array },
  ) {
    this.#raw = raw;
    this.#limit = limit;
    this.#select = select;
  }

  get unit(): number {
    return this.#raw.unit;
  }

  get rowInUnit(): number {
    return this.#raw.rowInUnit;
  }

  get bytes(): number {
    return this.#raw.bytes;
  }

  get rows(): number {
    return this.decode().numRows;
  }

  decode(): RecordBatch {
    return this.#decoded().batch;
  }

  skip(): void {
    this.#raw.skip?.();
  }

  rowAt(row: number): number {
    return this.rowInUnit + (this.#decoded().rows[row] ?? 0);
  }

  #decoded(): { batch: RecordBatch; rows: Int32Array } {
    if (this.#selected === undefined) {
      const whole = this.#raw.decode();
      const within = whole.numRows > this.#limit ? whole.slice(0, this.#limit) : whole;
      this.#selected = this.#select(within);
    }
    return this.#selected;
  }
}
