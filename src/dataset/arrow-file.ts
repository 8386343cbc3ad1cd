import type { Data, Schema } from 'apache-arrow';
import type { FileBlock, Footer } from 'apache-arrow/ipc/metadata/file';
import type { ObjectReader } from '../storage/types.js';
import { messageOf } from '../util/errors.js';
import {
  BatchMemory,
  type BatchPlan,
  bytesOf,
  codecNames,
  codecOf,
  planBatch,
  recordBatchOf,
} from './arrow-batch.js';
import type { FieldBuffers } from './arrow-buffers.js';
import type { Codec } from './arrow-codec.js';
import { selectFields } from './arrow-columns.js';
import { Dictionaries } from './arrow-dictionaries.js';
import { readDictionary } from './arrow-dictionary-batch.js';
import { corrupt } from './arrow-errors.js';
import { checkBlock, readFooter } from './arrow-footer.js';
import {
  type ArrowMessage,
  type DictionaryMessage,
  readMessage,
  readMessageSync,
  readsAtOnce,
  type SyncReader,
} from './arrow-message.js';
import { readOn } from './read-on.js';
import type { BatchRange, DataFile, FileRequest, FileUnit, RawBatch } from './types.js';

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
  readonly #memories = [new BatchMemory(), new BatchMemory()] as const;
  /** Metadata of record batches that are fetched soon. */
  readonly #messages = new Map<number, BatchPlan>();
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
   * @throws DataError where the file is not an Arrow IPC file, or its footer points nowhere
   */
  static async open(reader: ObjectReader, { columns, leave }: FileRequest = {}): Promise<ArrowFile> {
    try {
      const footer = await readFooter(reader);
      const blocks = [...footer.recordBatches()];
      for (const block of blocks) checkBlock(reader.object, block);
      const fields = selectFields(reader.object, footer.schema, columns);
      const dictionaries = await readDictionaries(reader, footer, fields);
      return new ArrowFile(reader, footer.schema, blocks, fields, leave ?? new Set(), dictionaries);
    } catch (cause) {
      await reader.close();
      // The footer is decoded as it is looked at, so it may turn out to be nonsense at any of the steps above.
      throw corrupt(reader.object, `its footer can't be decoded: ${messageOf(cause)}`, cause);
    }
  }

  batches({ first, count, limit = Number.POSITIVE_INFINITY }: BatchRange): AsyncGenerator<RawBatch, void> {
    const reader = this.#reader;
    let index = first;
    const read = readsAtOnce(reader)
      ? (at: number) => this.#fetchAtOnce(at, reader)
      : (at: number) => this.fetch(at);
    return readOn(() => (index < first + count ? read(index++) : undefined), limit, !readsAtOnce(reader));
  }

  async #fetchAtOnce(index: number, reader: SyncReader): Promise<RawBatch> {
    const message = readMessageSync(reader, this.blocks[index] as FileBlock, nameOf(index));
    const plan = this.#plan(message, index);
    const codec = codecOf(plan);
    return this.#fetchSync(index, plan, codec && (await codec), reader);
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

  async #readMessage(index: number): Promise<BatchPlan> {
    return this.#plan(await readMessage(this.#reader, this.blocks[index] as FileBlock, nameOf(index)), index);
  }

  #plan(message: ArrowMessage, index: number): BatchPlan {
    const { object } = this.#reader;
    const what = nameOf(index);
    const { offset, metaDataLength, bodyLength } = this.blocks[index] as FileBlock;
    if (message.kind !== 'batch') throw corrupt(object, `${what} is not a record batch`);
    const { metadata, version } = message;
    const place = { metadata, version, bodyStart: offset + metaDataLength, bodyLength, what };
    return planBatch(this.#reader, this.#fields, place, this.#leave);
  }

  async #fetchBody(index: number, plan: BatchPlan): Promise<RawBatch> {
    const memory = this.#memories[index % 2 === 0 ? 0 : 1];
    const [read, codec] = await Promise.all([memory.read(this.#reader, plan), codecOf(plan)]);
    return this.#raw(index, plan, memory, codec, read);
  }

  #fetchSync(index: number, plan: BatchPlan, codec: Codec | undefined, reader: SyncReader): RawBatch {
    const [memory] = this.#memories;
    return this.#raw(index, plan, memory, codec, memory.readSync(reader, plan));
  }

  #raw(
    index: number,
    plan: BatchPlan,
    memory: BatchMemory,
    codec: Codec | undefined,
    read: number,
  ): RawBatch {
    const decode = (): Data[] => memory.decode(this.#reader.object, plan, codec, this.#dictionaries.vectors);
    return {
      unit: index,
      rowInUnit: 0,
      rows: plan.metadata.length,
      bytes: bytesOf(plan, read),
      stored: plan.stored,
      decode: () => recordBatchOf(plan, decode(), this.schema.metadata),
    };
  }

  async codecs(): Promise<readonly string[]> {
    return this.blocks.length === 0 ? [] : codecNames(await this.#readMessage(0));
  }

  async rowsBefore(index: number): Promise<number> {
    const sums = this.#rowsBefore;
    for (let i = sums.length - 1; i < index; i++) {
      const { metadata } = await this.#readMessage(i);
      // Somebody who asked at the same time may have come as far: so it is put in its place, not at the end.
      sums[i + 1] = (sums[i] as number) + metadata.length;
    }
    return sums[index] as number;
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }
}

const nameOf = (index: number): string => `record batch ${index}`;

async function readDictionaries(
  reader: ObjectReader,
  footer: Footer,
  fields: readonly FieldBuffers[],
): Promise<Dictionaries> {
  const { object } = reader;
  const dictionaries = new Dictionaries(
    object,
    fields.map(({ field }) => field),
  );
  if (dictionaries.size === 0) return dictionaries;
  const found = new Map<number, { block: FileBlock; message: DictionaryMessage; what: string }[]>();
  let i = 0;
  for (const block of footer.dictionaryBatches()) {
    const what = `dictionary batch ${i++}`;
    checkBlock(object, block);
    const message = await readMessage(reader, block, what);
    if (message.kind !== 'dictionary') throw corrupt(object, `${what} is not a dictionary batch`);
    const { id, isDelta } = message;
    if (dictionaries.fieldOf(id) === undefined) continue;
    const before = found.get(id) ?? [];
    // All record batches of a file share its dictionaries, and may be read in any order.
    if (!isDelta && before.length > 0) {
      throw corrupt(object, `${what} replaces dictionary ${id}, which is allowed in streams, not in files`);
    }
    before.push({ block, message, what });
    found.set(id, before);
  }
  // They may stand in any order in a file.
  for (const id of dictionaries.ids) {
    for (const { block, message, what } of found.get(id) ?? []) {
      const bodyStart = block.offset + block.metaDataLength;
      const place = { bodyStart, bodyLength: block.bodyLength, what };
      await readDictionary(reader, dictionaries, message, place);
    }
  }
  // One that is missing is found out now.
  dictionaries.vectors;
  return dictionaries;
}
