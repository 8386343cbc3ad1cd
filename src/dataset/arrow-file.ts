import { type Field, makeData, RecordBatch, Schema, Struct, Vector } from 'apache-arrow';
import type { FileBlock, Footer } from 'apache-arrow/ipc/metadata/file';
import type {
  RecordBatch as BatchMetadata,
  BufferRegion,
  DictionaryBatch,
  Message,
} from 'apache-arrow/ipc/metadata/message';
import { VectorLoader } from 'apache-arrow/visitor/vectorloader';
import type { ObjectReader, StoredObject } from '../storage/types.js';
import { DataError, messageOf } from '../util/errors.js';
import { BodyReader } from './arrow-body.js';
import { dictionariesOf, type FieldBuffers, type FieldRegions, fieldBuffers } from './arrow-buffers.js';
import {
  checkBlock,
  checkCompression,
  corrupt,
  readFooter,
  readMessage,
  readMessageSync,
} from './arrow-framing.js';
import type { BatchRange, DataFile, FileUnit, RawBatch, StoredValues } from './types.js';

type Dictionaries = Map<number, Vector>;

/** The metadata of a record batch, decoded. */
interface BatchMessage {
  readonly metadata: BatchMetadata;
  readonly version: Message['version'];
  /** Columns to be decoded, and which buffers that takes. */
  readonly decoded: readonly { readonly field: Field; readonly regions: FieldRegions }[];
  readonly stored: ReadonlyMap<string, StoredValues>;
}

/** Record batches whose metadata is read together, ahead of their bodies. */
const MESSAGE_WINDOW = 16;

/** An Arrow IPC file, read one record batch at a time, of each only the buffers of the columns that are wanted. */
export class ArrowFile implements DataFile {
  readonly schema: Schema;
  readonly units: readonly FileUnit[];
  readonly blocks: readonly FileBlock[];
  readonly #reader: ObjectReader;
  readonly #fields: readonly FieldBuffers[];
  readonly #leave: ReadonlySet<string>;
  readonly #dictionaries: Dictionaries;
  /** Two in turn: one is read into while the other is worked on. */
  readonly #bodies = [new BodyReader(), new BodyReader()] as const;
  /** Metadata of record batches that are fetched soon. */
  readonly #messages = new Map<number, BatchMessage>();
  /** Sums as far as they were asked for. */
  readonly #rowsBefore = [0];

  private constructor(
    reader: ObjectReader,
    schema: Schema,
    blocks: readonly FileBlock[],
    fields: readonly FieldBuffers[],
    leave: ReadonlySet<string>,
    dictionaries: Dictionaries,
  ) {
    this.#reader = reader;
    this.schema = schema;
    this.blocks = blocks;
    this.units = blocks.map(({ bodyLength }) => ({ bytes: bodyLength }));
    this.#fields = fields;
    this.#leave = leave;
    this.#dictionaries = dictionaries;
  }

  /**
   * Reads the footer and the dictionaries that the wanted columns need. Takes over the reader: closes it with itself,
   * and also where opening fails.
   *
   * @param columns the columns to decode, in this order; all where left out
   * @param leave those among them that may be left in the file, where they are plain numbers and reads are at once
   * @throws DataError where the file is not an Arrow IPC file, or its footer points nowhere
   */
  static async open(
    reader: ObjectReader,
    columns?: readonly string[],
    leave: ReadonlySet<string> = new Set(),
  ): Promise<ArrowFile> {
    try {
      const footer = await readFooter(reader);
      const blocks = [...footer.recordBatches()];
      for (const block of blocks) checkBlock(reader.object, block);
      const fields = selectFields(reader.object, footer.schema, columns);
      const dictionaries = await readDictionaries(reader, footer, fields);
      return new ArrowFile(reader, footer.schema, blocks, fields, leave, dictionaries);
    } catch (cause) {
      await reader.close();
      // The footer is decoded as it is looked at, so it may turn out to be nonsense at any of the steps above.
      throw corrupt(reader.object, `its footer can't be decoded: ${messageOf(cause)}`, cause);
    }
  }

  async *batches({
    first,
    count,
    limit = Number.POSITIVE_INFINITY,
  }: BatchRange): AsyncGenerator<RawBatch, void> {
    const end = first + count;
    let left = limit;
    if (readsAtOnce(this.#reader)) {
      // There is nothing to wait for: memory that is read just before it is worked on is still in the cache.
      for (let index = first; index < end && left > 0; index++) {
        const raw = this.#fetchSync(index, this.#reader);
        left -= raw.rows;
        yield raw;
      }
      return;
    }
    let next: Promise<RawBatch> | undefined = this.fetch(first);
    try {
      for (let index = first; next !== undefined; index++) {
        const raw: RawBatch = await next;
        left -= raw.rows;
        next = index + 1 < end && left > 0 ? this.fetch(index + 1) : undefined;
        yield raw;
      }
    } finally {
      await next?.catch(() => {});
    }
  }

  /**
   * Reads one record batch. At most two may be in use at a time.
   *
   * Not async, on purpose: where the metadata is at hand, the reads of the body are under way when this returns, and go
   * on while the caller keeps its thread busy with the batch before.
   */
  fetch(index: number): Promise<RawBatch> {
    const message = this.#messages.get(index);
    if (message === undefined) return this.#fetchFirst(index);
    const ahead = index + MESSAGE_WINDOW / 2;
    if (ahead < this.blocks.length && !this.#messages.has(ahead)) {
      void this.#loadMessages(ahead);
    }
    this.#messages.delete(index);
    return this.#fetchBody(index, message);
  }

  async #fetchFirst(index: number): Promise<RawBatch> {
    await this.#loadMessages(index);
    const message = this.#messages.get(index) ?? (await this.#readMessage(index));
    this.#messages.delete(index);
    return this.#fetchBody(index, message);
  }

  async #loadMessages(from: number): Promise<void> {
    const to = Math.min(from + MESSAGE_WINDOW, this.blocks.length);
    if (from >= to) throw new RangeError(`no record batch ${from} among ${this.blocks.length}`);
    const indices = Array.from({ length: to - from }, (_, i) => from + i);
    // One that is damaged is of no concern to those before it: whoever asks for it reads it again and reports it.
    await Promise.allSettled(
      indices.map(async (index) => this.#messages.set(index, await this.#readMessage(index))),
    );
  }

  async #readMessage(index: number): Promise<BatchMessage> {
    const message = await readMessage(this.#reader, this.blocks[index] as FileBlock, nameOf(index));
    return this.#parse(message, index);
  }

  #parse(message: Message, index: number): BatchMessage {
    const { object } = this.#reader;
    const what = nameOf(index);
    const block = this.blocks[index] as FileBlock;
    if (!message.isRecordBatch()) throw corrupt(object, `${what} is not a record batch`);
    try {
      const metadata = message.header() as BatchMetadata;
      if (!(metadata.length >= 0 && metadata.length <= 0x7fffffff))
        throw new RangeError(`${metadata.length} rows`);
      checkCompression(object, metadata);
      const decoded: { field: Field; regions: FieldRegions }[] = [];
      const stored = new Map<string, StoredValues>();
      for (const buffers of this.#fields) {
        const regions = buffers.regions(metadata, block.bodyLength, object, what);
        const values = this.#stored(buffers, regions, block);
        if (values === undefined) decoded.push({ field: buffers.field, regions });
        else stored.set(buffers.field.name, values);
      }
      return { metadata, version: message.version, decoded, stored };
    } catch (cause) {
      throw corrupt(object, `the metadata of ${what} can't be decoded: ${messageOf(cause)}`, cause);
    }
  }

  /** The column's values where they lie, if it may be left there. */
  #stored(
    { field, plainValues }: FieldBuffers,
    regions: FieldRegions,
    block: FileBlock,
  ): StoredValues | undefined {
    const reader = this.#reader;
    if (!this.#leave.has(field.name) || !readsAtOnce(reader)) return undefined;
    const values = plainValues(regions);
    if (values === undefined) return undefined;
    const start = block.offset + block.metaDataLength + values.offset;
    return {
      type: field.type,
      byteLength: values.length,
      read: (from, into, at, length) => reader.readSync(start + from, into, at, length),
    };
  }

  async #fetchBody(index: number, message: BatchMessage): Promise<RawBatch> {
    const block = this.blocks[index] as FileBlock;
    const body = this.#bodies[index % 2 === 0 ? 0 : 1];
    const bytes = await body.read(this.#reader, block.offset + block.metaDataLength, buffersOf(message));
    return this.#raw(index, message, body, bytes);
  }

  #fetchSync(index: number, reader: Required<ObjectReader>): RawBatch {
    const block = this.blocks[index] as FileBlock;
    const message = this.#parse(readMessageSync(reader, block, nameOf(index)), index);
    const [body] = this.#bodies;
    const bytes = body.readSync(reader, block.offset + block.metaDataLength, buffersOf(message));
    return this.#raw(index, message, body, bytes);
  }

  #raw(index: number, message: BatchMessage, body: BodyReader, bytes: number): RawBatch {
    const { metadata, stored } = message;
    let all = bytes;
    for (const { byteLength } of stored.values()) all += byteLength;
    return {
      unit: index,
      rowInUnit: 0,
      rows: metadata.length,
      bytes: all,
      stored,
      decode: () => this.#decode(message, body, index),
    };
  }

  async rowsBefore(index: number): Promise<number> {
    for (let i = this.#rowsBefore.length - 1; i < index; i++) {
      const { metadata } = await this.#readMessage(i);
      this.#rowsBefore.push((this.#rowsBefore[i] as number) + metadata.length);
    }
    return this.#rowsBefore[index] as number;
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  #decode(message: BatchMessage, body: BodyReader, index: number): RecordBatch {
    const { metadata, decoded, version } = message;
    const fields = decoded.map(({ field }) => field);
    const nodes = decoded.flatMap(({ regions }) => regions.nodes);
    const buffers = buffersOf(message).map((buffer) => body.place(buffer));
    const variadic = decoded.flatMap(({ regions }) => regions.variadicCounts);
    try {
      const loader = new VectorLoader(body.bytes, nodes, buffers, this.#dictionaries, version, variadic);
      const children = loader.visitMany(fields);
      const data = makeData({ type: new Struct(fields), length: metadata.length, nullCount: 0, children });
      return new RecordBatch(new Schema(fields, this.schema.metadata), data);
    } catch (cause) {
      throw corrupt(
        this.#reader.object,
        `record batch ${index} can't be decoded: ${messageOf(cause)}`,
        cause,
      );
    }
  }
}

const nameOf = (index: number): string => `record batch ${index}`;

const buffersOf = ({ decoded }: BatchMessage): BufferRegion[] =>
  decoded.flatMap(({ regions }) => regions.buffers);

const readsAtOnce = (reader: ObjectReader): reader is Required<ObjectReader> => reader.readSync !== undefined;

function selectFields(
  object: StoredObject,
  schema: Schema,
  columns: readonly string[] | undefined,
): FieldBuffers[] {
  const all = fieldBuffers(object, schema.fields);
  if (columns === undefined) return all;
  return columns.map((column) => {
    const found = all.find(({ field }) => field.name === column);
    if (found === undefined) throw missingColumn(object, schema, column);
    return found;
  });
}

/** The error for a column that a file does not have; says which there are. */
export function missingColumn({ uri }: StoredObject, schema: Schema, column: string): DataError {
  const names = schema.fields.map(({ name }) => name).join(', ');
  return new DataError(`${uri}: has no column ${JSON.stringify(column)}; its columns are ${names}`, {
    file: uri,
    column,
  });
}

async function readDictionaries(
  reader: ObjectReader,
  footer: Footer,
  fields: readonly FieldBuffers[],
): Promise<Dictionaries> {
  const dictionaries: Dictionaries = new Map();
  const wanted = dictionariesOf(fields.map(({ field }) => field));
  if (wanted.size === 0) return dictionaries;
  let i = 0;
  for (const block of footer.dictionaryBatches()) {
    const what = `dictionary batch ${i++}`;
    checkBlock(reader.object, block);
    const message = await readMessage(reader, block, what);
    if (!message.isDictionaryBatch()) throw corrupt(reader.object, `${what} is not a dictionary batch`);
    const header = message.header() as DictionaryBatch;
    const field = wanted.get(header.id);
    if (field === undefined) continue;
    checkCompression(reader.object, header.data);
    const [buffers] = fieldBuffers(reader.object, [field]);
    if (buffers === undefined) continue;
    const region = buffers.regions(header.data, block.bodyLength, reader.object, what);
    const body = new BodyReader();
    await body.read(reader, block.offset + block.metaDataLength, region.buffers);
    const placed = region.buffers.map((buffer) => body.place(buffer));
    const { version } = message;
    const loader = new VectorLoader(
      body.bytes,
      region.nodes,
      placed,
      dictionaries,
      version,
      region.variadicCounts,
    );
    const values = new Vector([loader.visit(field)]);
    const before = dictionaries.get(header.id);
    dictionaries.set(header.id, header.isDelta && before ? before.concat(values) : values);
  }
  for (const [id, field] of wanted) {
    if (!dictionaries.has(id)) {
      throw corrupt(reader.object, `the dictionary of column ${JSON.stringify(field.name)} is missing`);
    }
  }
  return dictionaries;
}
