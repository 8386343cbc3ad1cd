import { DataType, Schema } from 'apache-arrow';
import type { ObjectReader } from '../../storage/types.js';
import { DataError, messageOf } from '../../util/errors.js';
import { BodyReader } from '../arrow-body.js';
import { missingColumn } from '../arrow-columns.js';
import { corrupt } from '../arrow-errors.js';
import { readsAtOnce } from '../arrow-message.js';
import type { BatchRange, ColumnRange, DataFile, FileUnit, RawBatch } from '../types.js';
import { type Decompress, decompressor } from './codecs.js';
import { type ParquetFooter, type RowGroup, readParquetFooter } from './footer.js';
import { memoryFor } from './leaf-reader.js';
import { type GroupContext, RowGroupReader } from './row-group.js';
import { leavesOf, type ParquetSchema, parquetSchema, type SchemaNode } from './schema.js';

/** A Parquet file: its units are row groups, of each only the column chunks of the wanted columns are read. */
export class ParquetFile implements DataFile {
  readonly schema: Schema;
  readonly units: readonly FileUnit[];
  readonly #groups: readonly RowGroup[];
  readonly #nodes: readonly SchemaNode[];
  readonly #context: GroupContext;
  /** Two in turn: one is read into while the other is worked on. */
  readonly #bodies = [new BodyReader(), new BodyReader()] as const;

  private constructor({ schema, nodes }: ParquetSchema, groups: readonly RowGroup[], context: GroupContext) {
    this.schema = schema;
    this.#nodes = nodes;
    this.units = groups.map(({ bytes }) => ({ bytes }));
    this.#groups = groups;
    this.#context = context;
  }

  /**
   * Reads the footer. Takes over the reader: closes it with itself, and also where opening fails.
   *
   * @param columns the columns to decode, in this order; all where left out
   * @throws DataError where the file is not a Parquet file, is damaged, or has what is not supported in these columns
   */
  static async open(reader: ObjectReader, columns?: readonly string[]): Promise<ParquetFile> {
    try {
      const footer = await readParquetFooter(reader);
      const parsed = schemaOf(reader, footer);
      const { schema, nodes } = parsed;
      const wanted = columns?.map((column) => {
        const node = nodes.find(({ field }) => field.name === column);
        if (node === undefined) throw missingColumn(reader.object, schema, column);
        return node;
      });
      const context = await contextOf(reader, schema, wanted ?? nodes, footer.rowGroups);
      return new ParquetFile(parsed, footer.rowGroups, context);
    } catch (cause) {
      await reader.close();
      throw cause;
    }
  }

  async *batches({
    first,
    count,
    limit = Number.POSITIVE_INFINITY,
  }: BatchRange): AsyncGenerator<RawBatch, void> {
    const end = first + count;
    let left = limit;
    let next = left > 0 && first < end ? this.#open(first) : undefined;
    try {
      for (let unit = first; next !== undefined; unit++) {
        const group: RowGroupReader = await next;
        next = undefined;
        const after = left - (this.#groups[unit] as RowGroup).rows;
        const goesOn = unit + 1 < end && after > 0;
        // Local files are read just before they are worked on: then they are in the cache.
        if (goesOn && !readsAtOnce(this.#context.reader)) next = this.#open(unit + 1);
        yield* this.#batchesOf(group, unit, left);
        left = after;
        if (goesOn) next ??= this.#open(unit + 1);
      }
    } finally {
      await next?.then(
        (group) => group.settle(),
        () => {},
      );
    }
  }

  async *#batchesOf(group: RowGroupReader, unit: number, limit: number): AsyncGenerator<RawBatch, void> {
    group.start();
    try {
      while (!group.isDone && group.rowsDone < limit) {
        await group.fetch();
        const raw = new GroupBatch(group, unit);
        yield raw;
        // Whoever did not look at it has passed over its rows all the same.
        if (!raw.isSkipped) raw.decode();
      }
    } finally {
      await group.settle();
    }
  }

  #open(unit: number): Promise<RowGroupReader> {
    const group = this.#groups[unit];
    if (group === undefined) throw new RangeError(`no row group ${unit} among ${this.#groups.length}`);
    const opening = RowGroupReader.open(this.#context, group, unit, this.#bodies[unit % 2 === 0 ? 0 : 1]);
    // Reported by whoever awaits it.
    opening.catch(() => {});
    return opening;
  }

  range(unit: number, column: string): ColumnRange | undefined {
    const group = this.#groups[unit];
    const node = this.#nodes.find(({ field }) => field.name === column);
    if (group === undefined || node?.kind !== 'leaf') return undefined;
    const statistics = group.columns[node.leaf.index]?.statistics;
    if (statistics === undefined) return undefined;
    const { nulls } = statistics;
    // Decimals and timestamps of twelve bytes come as something else than they are stored as.
    const isComparable = !DataType.isDecimal(node.field.type) && node.leaf.type.physical !== 'INT96';
    const [min, max] = isComparable ? [statistics.min, statistics.max] : [undefined, undefined];
    return { min, max, nulls, rows: group.rows };
  }

  async rowsBefore(unit: number): Promise<number> {
    return this.#groups.slice(0, unit).reduce((sum, { rows }) => sum + rows, 0);
  }

  async codecs(): Promise<readonly string[]> {
    const names = (this.#groups[0]?.columns ?? []).map(({ codec }) => codec);
    return [...new Set(names)].filter((name) => name !== 'UNCOMPRESSED').sort();
  }

  async close(): Promise<void> {
    await this.#context.reader.close();
  }
}

/** Some rows of a row group: how many is known once they are decoded. */
class GroupBatch implements RawBatch {
  readonly unit: number;
  readonly rowInUnit: number;
  readonly bytes: number;
  readonly stored = new Map();
  readonly #group: RowGroupReader;
  #decoded: ReturnType<RowGroupReader['decode']> | undefined;
  #skipped: number | undefined;

  constructor(group: RowGroupReader, unit: number) {
    this.#group = group;
    this.unit = unit;
    this.rowInUnit = group.rowsDone;
    this.bytes = group.newBytes;
  }

  get isSkipped(): boolean {
    return this.#skipped !== undefined;
  }

  get rows(): number {
    return this.#skipped ?? this.decode().numRows;
  }

  decode(): ReturnType<RowGroupReader['decode']> {
    this.#decoded ??= this.#group.decode();
    return this.#decoded;
  }

  skip(): void {
    this.#skipped ??= this.#group.skip();
  }
}

function schemaOf(reader: ObjectReader, footer: ParquetFooter): ParquetSchema {
  const { object } = reader;
  try {
    const parsed = parquetSchema(footer, object.uri);
    footer.rowGroups.forEach(({ columns }, i) => {
      if (columns.length !== parsed.leaves)
        throw new RangeError(`row group ${i} has ${columns.length} columns, and the schema ${parsed.leaves}`);
    });
    return parsed;
  } catch (cause) {
    throw corrupt(object, `its schema can't be decoded: ${messageOf(cause)}`, cause);
  }
}

async function contextOf(
  reader: ObjectReader,
  schema: Schema,
  nodes: readonly SchemaNode[],
  groups: readonly RowGroup[],
): Promise<GroupContext> {
  const { uri } = reader.object;
  // Row groups are decoded one after another: the memory of one serves the next.
  const leaves = leavesOf(nodes).map((leaf) => ({ leaf, memory: memoryFor(leaf) }));
  const decompressors = new Map<string, Decompress>();
  for (const { columns } of groups) {
    for (const { leaf } of leaves) {
      const codec = columns[leaf.index]?.codec;
      if (codec === undefined)
        throw new DataError(`${uri}: is damaged: a column has no codec`, { file: uri });
      if (!decompressors.has(codec)) decompressors.set(codec, await decompressor(codec, uri));
    }
  }
  const fields = nodes.map(({ field }) => field);
  return { reader, schema: new Schema(fields, schema.metadata), nodes, leaves, decompressors };
}
