import { makeData, RecordBatch, type Schema, Struct } from 'apache-arrow';
import { BufferRegion } from 'apache-arrow/ipc/metadata/message';
import type { ObjectReader } from '../../storage/types.js';
import { messageOf } from '../../util/errors.js';
import type { BodyReader } from '../arrow-body.js';
import { corrupt } from '../arrow-errors.js';
import { readsAtOnce } from '../arrow-message.js';
import { assemble } from './assemble.js';
import type { Decompress } from './codecs.js';
import type { ColumnChunk, RowGroup } from './footer.js';
import { type LeafMemory, LeafReader } from './leaf-reader.js';
import type { LeafColumn, SchemaNode } from './schema.js';
import { ChunkWindow } from './window.js';

/** A row group of which less is wanted is read in one go, close chunks together; of a larger one, piece by piece. */
const WHOLE_BYTES = 16 * 1024 * 1024;
/** Of a piece: local files are read as they are needed, remote ones further ahead. */
const SYNC_STEP = 1024 * 1024;
const ASYNC_STEP = 4 * 1024 * 1024;
const MIN_STEP = 64 * 1024;
/** Of a record batch, about. */
const BATCH_BYTES = 4 * 1024 * 1024;
const MIN_BATCH_ROWS = 64;

/** What all row groups of an opened file share. */
export interface GroupContext {
  readonly reader: ObjectReader;
  readonly schema: Schema;
  /** The wanted columns, and their leaves with memory for each. */
  readonly nodes: readonly SchemaNode[];
  readonly leaves: readonly { readonly leaf: LeafColumn; readonly memory: LeafMemory }[];
  readonly decompressors: ReadonlyMap<string, Decompress>;
}

/** Reads one row group from front to back, as record batches of bounded size. */
export class RowGroupReader {
  readonly #context: GroupContext;
  readonly #group: RowGroup;
  readonly #name: string;
  readonly #readers: readonly LeafReader[];
  /** Bytes that were read when it was opened and are not accounted for yet. */
  #bytesOpened: number;
  #bytesTold = 0;
  rowsDone = 0;

  private constructor(
    context: GroupContext,
    group: RowGroup,
    index: number,
    readers: readonly LeafReader[],
    bytes: number,
  ) {
    this.#context = context;
    this.#group = group;
    this.#name = `row group ${index}`;
    this.#readers = readers;
    this.#bytesOpened = bytes;
  }

  static async open(
    context: GroupContext,
    group: RowGroup,
    index: number,
    body: BodyReader,
  ): Promise<RowGroupReader> {
    const { reader, leaves, decompressors } = context;
    const chunks = leaves.map(({ leaf }) => group.columns[leaf.index] as ColumnChunk);
    const regions = chunks.map(({ start, bytes }) => new BufferRegion(start, bytes));
    const total = chunks.reduce((sum, { bytes }) => sum + bytes, 0);
    const isSmall = total <= WHOLE_BYTES;
    let read = 0;
    if (isSmall && readsAtOnce(reader)) read = body.readSync(reader, 0, regions);
    else if (isSmall) read = await body.read(reader, 0, regions);
    const step = Math.max(
      MIN_STEP,
      Math.min(stepOf(reader), (8 * stepOf(reader)) / Math.max(1, chunks.length)),
    );
    const readers = leaves.map(({ leaf, memory }, i) => {
      const chunk = chunks[i] as ColumnChunk;
      const held = isSmall ? body.bytesOf(regions[i] as BufferRegion) : undefined;
      const window = new ChunkWindow(reader, chunk, step, memory.window, held);
      return new LeafReader(leaf, chunk, window, decompressors.get(chunk.codec) as Decompress, memory);
    });
    return new RowGroupReader(context, group, index, readers, read);
  }

  /** To be called before anything else, once the row group before is done. */
  start(): void {
    for (const leaf of this.#readers) leaf.start();
  }

  get isDone(): boolean {
    return this.rowsDone >= this.#group.rows;
  }

  /** Bytes read since it was asked last. */
  get newBytes(): number {
    const all = this.#readers.reduce((sum, { window }) => sum + window.bytesRead, this.#bytesOpened);
    const told = this.#bytesTold;
    this.#bytesTold = all;
    return all - told;
  }

  /** Reads what the next record batch needs, and lets what the one after needs be read meanwhile. */
  async fetch(): Promise<void> {
    const { reader } = this.#context;
    if (readsAtOnce(reader)) {
      for (const leaf of this.#readers) {
        for (let needs = this.#needs(leaf); needs > 0; needs = this.#needs(leaf)) {
          leaf.window.fillSync(reader, needs);
        }
      }
      return;
    }
    await Promise.all(
      this.#readers.map(async (leaf) => {
        for (let needs = this.#needs(leaf); needs > 0; needs = this.#needs(leaf))
          await leaf.window.fill(needs);
        leaf.window.readAhead();
      }),
    );
  }

  async settle(): Promise<void> {
    await Promise.all(this.#readers.map(({ window }) => window.settle()));
    // Whoever left early may still look at what is here.
    if (this.isDone) for (const leaf of this.#readers) leaf.release();
  }

  #needs(leaf: LeafReader): number {
    return this.#guard(leaf, () => leaf.needs);
  }

  /** The next rows; none where a row is so long that more must be fetched. */
  decode(): RecordBatch {
    const { schema, nodes } = this.#context;
    const left = this.#group.rows - this.rowsDone;
    let rows = left;
    let rowBytes = 0;
    for (const leaf of this.#readers) {
      this.#guard(leaf, () => leaf.decode());
      const { rows: ready, leaf: column } = leaf;
      if (ready === 0 && leaf.isExhausted) {
        throw corrupt(
          this.#context.reader.object,
          `${this.#name}, column ${nameOf(column)}: has ${this.rowsDone} rows, and the footer says ${this.#group.rows}`,
        );
      }
      rows = Math.min(rows, ready);
      rowBytes += leaf.byteLength / Math.max(1, ready);
    }
    rows = Math.min(rows, Math.max(MIN_BATCH_ROWS, Math.floor(BATCH_BYTES / Math.max(1, rowBytes))));
    const slices = new Map(
      this.#readers.map((leaf) => [leaf.leaf.index, this.#guard(leaf, () => leaf.take(rows))] as const),
    );
    const children = nodes.map((node) => {
      try {
        return assemble(node, slices);
      } catch (cause) {
        throw this.#damaged(JSON.stringify(node.field.name), cause);
      }
    });
    this.rowsDone += rows;
    const data = makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children });
    return new RecordBatch(schema, data);
  }

  /**
   * Passes over the pages that were fetched; returns the rows that are behind us with them in all columns, about: where rows
   * have many entries, only at the end is it known how many.
   */
  skip(): number {
    const before = this.rowsDone;
    for (const leaf of this.#readers) this.#guard(leaf, () => leaf.skip());
    const share = Math.min(1, ...this.#readers.map((leaf) => leaf.shareSkipped));
    this.rowsDone = Math.floor(this.#group.rows * share);
    return this.rowsDone - before;
  }

  #guard<T>(leaf: LeafReader, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw this.#damaged(nameOf(leaf.leaf), cause);
    }
  }

  #damaged(column: string, cause: unknown): Error {
    return corrupt(
      this.#context.reader.object,
      `${this.#name}, column ${column}: ${messageOf(cause)}`,
      cause,
    );
  }
}

const stepOf = (reader: ObjectReader): number => (readsAtOnce(reader) ? SYNC_STEP : ASYNC_STEP);

const nameOf = (leaf: LeafColumn): string => JSON.stringify(leaf.path.join('.'));
