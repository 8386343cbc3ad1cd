import type { Schema } from 'apache-arrow';
import type { ObjectReader } from '../storage/types.js';
import {
  BatchMemory,
  type BatchPlace,
  bytesOf,
  codecNames,
  codecOf,
  planBatch,
  recordBatchOf,
} from './arrow-batch.js';
import type { FieldBuffers } from './arrow-buffers.js';
import { selectFields } from './arrow-columns.js';
import { Dictionaries } from './arrow-dictionaries.js';
import { readDictionary } from './arrow-dictionary-batch.js';
import { corrupt } from './arrow-errors.js';
import { type BatchMessage, readsAtOnce } from './arrow-message.js';
import { type PlacedMessage, readSchema, StreamMessages } from './arrow-messages.js';
import { readOn } from './read-on.js';
import type { BatchRange, DataFile, FileRequest, FileUnit, RawBatch } from './types.js';

/**
 * An Arrow stream: messages one after another, of which each says where the next begins. So it is one unit, and read from
 * its beginning; of each record batch only the buffers of the columns that are wanted are read.
 */
export class ArrowStream implements DataFile {
  readonly schema: Schema;
  readonly units: readonly FileUnit[];
  readonly #reader: ObjectReader;
  /** Where the first message behind the schema begins. */
  readonly #start: number;
  readonly #fields: readonly FieldBuffers[];
  readonly #leave: ReadonlySet<string>;
  #rows: number | undefined;

  private constructor(
    reader: ObjectReader,
    schema: Schema,
    start: number,
    fields: readonly FieldBuffers[],
    leave: ReadonlySet<string>,
  ) {
    this.#reader = reader;
    this.schema = schema;
    this.units = [{ bytes: reader.object.size }];
    this.#start = start;
    this.#fields = fields;
    this.#leave = leave;
  }

  /**
   * Reads the schema. Takes over the reader: closes it with itself, and also where opening fails.
   *
   * @throws DataError where the object is not an Arrow stream
   */
  static async open(reader: ObjectReader, { columns, leave }: FileRequest = {}): Promise<ArrowStream> {
    try {
      const { schema, next } = await readSchema(reader);
      const fields = selectFields(reader.object, schema, columns);
      // What is wrong with the dictionaries that the schema names is found out now.
      dictionariesFor(reader, fields);
      return new ArrowStream(reader, schema, next, fields, leave ?? new Set());
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
    if (first !== 0 || count < 1) return;
    const run = new StreamRun(this.#reader, this.#start, this.#fields, this.#leave, this.schema);
    yield* readOn(() => run.next(), limit, !readsAtOnce(this.#reader));
  }

  /** Rows in the units before `unit`: none, or all of them, for which each message's metadata is read once. */
  async rowsBefore(unit: number): Promise<number> {
    if (unit === 0) return 0;
    this.#rows ??= await this.#countRows();
    return this.#rows;
  }

  async codecs(): Promise<readonly string[]> {
    const messages = new StreamMessages(this.#reader, this.#start);
    for (let found = await messages.next(); found !== undefined; found = await messages.next()) {
      const { message } = found;
      if (message.kind === 'batch') return codecNames(planBatch(this.#reader, [], placeOf(found, message)));
    }
    return [];
  }

  async #countRows(): Promise<number> {
    const messages = new StreamMessages(this.#reader, this.#start);
    let rows = 0;
    for (let found = await messages.next(); found !== undefined; found = await messages.next()) {
      const { message } = found;
      if (message.kind !== 'batch') continue;
      rows += planBatch(this.#reader, [], placeOf(found, message)).metadata.length;
    }
    return rows;
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }
}

/** One reading of a stream, from its beginning on. */
class StreamRun {
  readonly #reader: ObjectReader;
  readonly #messages: StreamMessages;
  readonly #fields: readonly FieldBuffers[];
  readonly #leave: ReadonlySet<string>;
  readonly #schema: Schema;
  readonly #dictionaries: Dictionaries;
  /** Two in turn: one is read into while the other is worked on. */
  readonly #memories = [new BatchMemory(), new BatchMemory()] as const;
  #batches = 0;
  #rows = 0;

  constructor(
    reader: ObjectReader,
    start: number,
    fields: readonly FieldBuffers[],
    leave: ReadonlySet<string>,
    schema: Schema,
  ) {
    this.#reader = reader;
    this.#messages = new StreamMessages(reader, start);
    this.#fields = fields;
    this.#leave = leave;
    this.#schema = schema;
    this.#dictionaries = dictionariesFor(reader, fields);
  }

  /** The next record batch; undefined at the end. */
  async next(): Promise<RawBatch | undefined> {
    const messages = this.#messages;
    for (;;) {
      const found = readsAtOnce(this.#reader) ? messages.nextSync(this.#reader) : await messages.next();
      if (found === undefined) return undefined;
      const { message } = found;
      if (message.kind === 'batch') return this.#read(placeOf(found, message));
      if (message.kind === 'dictionary') {
        await readDictionary(this.#reader, this.#dictionaries, message, found);
      } else {
        throw corrupt(this.#reader.object, `${found.what} is a second schema`);
      }
    }
  }

  async #read(place: BatchPlace): Promise<RawBatch> {
    const reader = this.#reader;
    const plan = planBatch(reader, this.#fields, place, this.#leave);
    const atOnce = readsAtOnce(reader);
    const memory = this.#memories[atOnce || this.#batches % 2 === 0 ? 0 : 1];
    this.#batches++;
    const codec = codecOf(plan);
    const loaded = codec && (await codec);
    const read = atOnce ? memory.readSync(reader, plan) : await memory.read(reader, plan);
    const rowInUnit = this.#rows;
    this.#rows += plan.metadata.length;
    // As they are for this batch, whatever comes after it.
    const dictionaries = this.#dictionaries.vectors;
    const columns = () => memory.decode(reader.object, plan, loaded, dictionaries);
    return {
      unit: 0,
      rowInUnit,
      rows: plan.metadata.length,
      bytes: bytesOf(plan, read),
      stored: plan.stored,
      decode: () => recordBatchOf(plan, columns(), this.#schema.metadata),
    };
  }
}

const dictionariesFor = ({ object }: ObjectReader, fields: readonly FieldBuffers[]): Dictionaries =>
  new Dictionaries(
    object,
    fields.map(({ field }) => field),
  );

function placeOf({ bodyStart, bodyLength, what }: PlacedMessage, message: BatchMessage): BatchPlace {
  const { metadata, version } = message;
  return { metadata, version, bodyStart, bodyLength, what };
}
