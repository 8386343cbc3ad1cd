import {
  type Data,
  type DataType,
  type Field,
  MetadataVersion,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  type Vector,
} from 'apache-arrow';
import type { RecordBatch as BatchMetadata, BufferRegion } from 'apache-arrow/ipc/metadata/message';
import { CompressedVectorLoader } from 'apache-arrow/visitor/vectorloader';
import type { ObjectReader, StoredObject } from '../storage/types.js';
import { messageOf } from '../util/errors.js';
import { BodyReader } from './arrow-body.js';
import { type FieldBuffers, type FieldRegions, MAX_ELEMENTS } from './arrow-buffers.js';
import { checkValues } from './arrow-check.js';
import { type Codec, checkCompression, loadCodec } from './arrow-codec.js';
import { corrupt, unsupported } from './arrow-errors.js';
import { claimOf, Expander } from './arrow-expand.js';
import { readsAtOnce, type SyncReader } from './arrow-message.js';
import type { StoredValues } from './types.js';

/** A record batch as its message describes it, and where it lies. */
export interface BatchPlace {
  readonly metadata: BatchMetadata;
  readonly version: MetadataVersion;
  readonly bodyStart: number;
  readonly bodyLength: number;
  /** As messages name it. */
  readonly what: string;
}

/** What is to be read of a record batch. */
export interface BatchPlan extends BatchPlace {
  /** Columns to be decoded, and which buffers that takes. */
  readonly decoded: readonly { readonly field: Field; readonly regions: FieldRegions }[];
  readonly stored: ReadonlyMap<string, StoredValues>;
  /** The buffers of all of them. */
  readonly regions: readonly BufferRegion[];
}

const NOTHING_LEFT: ReadonlySet<string> = new Set();
const NOTHING_STORED = new Map<string, StoredValues>();

/**
 * What of a record batch has to be read for some columns.
 *
 * @param leave columns that may be left in the file, where they are plain numbers and reads are at once
 * @throws DataError where its metadata does not fit the schema, or the body
 */
export function planBatch(
  reader: ObjectReader,
  fields: readonly FieldBuffers[],
  place: BatchPlace,
  leave: ReadonlySet<string> = NOTHING_LEFT,
): BatchPlan {
  const { metadata, what } = place;
  const { object } = reader;
  if (!(metadata.length >= 0 && metadata.length <= MAX_ELEMENTS))
    throw corrupt(object, `${what} claims ${metadata.length} rows`);
  if (metadata.compression !== null) checkCompression(object, metadata.compression);
  const decoded: { field: Field; regions: FieldRegions }[] = [];
  const all: BufferRegion[] = [];
  let stored = NOTHING_STORED;
  for (const buffers of fields) {
    const { field } = buffers;
    const regions = buffers.regions(place);
    const values =
      leave.has(field.name) && readsAtOnce(reader) ? buffers.plainValues(place, regions) : undefined;
    if (values === undefined) {
      decoded.push({ field, regions });
      for (const region of regions.buffers) if (region.length > 0) all.push(region);
    } else {
      if (stored === NOTHING_STORED) stored = new Map();
      stored.set(field.name, storedValues(reader as SyncReader, field, place.bodyStart, values));
    }
  }
  const { version, bodyStart, bodyLength } = place;
  return { metadata, version, bodyStart, bodyLength, what, decoded, stored, regions: all };
}

function storedValues(
  reader: SyncReader,
  { type }: Field,
  bodyStart: number,
  values: BufferRegion,
): StoredValues {
  const start = bodyStart + values.offset;
  return {
    type,
    byteLength: values.length,
    read: (from, into, at, length) => reader.readSync(start + from, into, at, length),
  };
}

/** The codec that a batch needs; undefined where it needs none. Call it without `await` where there is none. */
export function codecOf({ metadata }: BatchPlan): Promise<Codec> | undefined {
  return metadata.compression === null ? undefined : loadCodec(metadata.compression.type);
}

/** Memory for one record batch at a time: its body as it is in the file, and its buffers where they are compressed. */
export class BatchMemory {
  readonly #body = new BodyReader();
  readonly #expander = new Expander();

  /** Reads what is planned; returns the bytes read. */
  read(reader: ObjectReader, plan: BatchPlan): Promise<number> {
    return this.#body.read(reader, plan.bodyStart, plan.regions);
  }

  /** The same for a reader that reads at once. */
  readSync(reader: SyncReader, plan: BatchPlan): number {
    return this.#body.readSync(reader, plan.bodyStart, plan.regions);
  }

  /**
   * The columns that were read, checked: everything that they refer to is there.
   *
   * @param dictionaries those that the columns need
   */
  decode(
    object: StoredObject,
    plan: BatchPlan,
    codec: Codec | undefined,
    dictionaries: ReadonlyMap<number, Vector>,
  ): Data[] {
    const naming = <T>(field: Field, work: () => T): T => {
      try {
        return work();
      } catch (cause) {
        const column = JSON.stringify(field.name);
        throw corrupt(
          object,
          `column ${column} of ${plan.what} can't be decoded: ${messageOf(cause)}`,
          cause,
        );
      }
    };
    const columns = plan.decoded.map(({ field, regions }) => {
      const chunks = regions.buffers.map((region) => this.#body.bytesOf(region));
      const claims =
        codec === undefined
          ? []
          : naming(field, () => chunks.map((chunk, i) => claimOf(codec, chunk, regions.needs[i])));
      return { field, regions, chunks, claims };
    });
    if (codec !== undefined)
      this.#makeRoom(
        object,
        plan,
        columns.flatMap(({ claims }) => claims),
      );
    return columns.map(({ field, regions, chunks, claims }) =>
      naming(field, () => {
        const plain =
          codec === undefined
            ? chunks
            : chunks.map((chunk, i) => this.#expander.expand(codec, chunk, claims[i] as number));
        return load(field, regions, plain, dictionaries);
      }),
    );
  }

  #makeRoom(object: StoredObject, { what }: BatchPlan, claims: readonly number[]): void {
    const { bytes, limit } = this.#expander.makeRoom(claims);
    if (bytes <= limit) return;
    throw unsupported(
      object,
      `${what} takes ${bytes} bytes when it is decompressed, more than a quarter of this machine's memory (${limit})`,
      'Write it in smaller record batches; or, if it should not be that large, copy it again.',
    );
  }
}

function load(
  field: Field,
  { nodes, buffers, needs, variadicCounts }: FieldRegions,
  chunks: readonly Uint8Array[],
  dictionaries: ReadonlyMap<number, Vector>,
): Data {
  const exact = chunks.map((chunk, i) => aligned(chunk.subarray(0, needs[i] ?? chunk.byteLength)));
  // The library declares its map mutable, and does not change it.
  const known = dictionaries as Map<number, Vector>;
  const data = new Loader(exact, nodes, buffers, known, MetadataVersion.V5, variadicCounts).visit(
    field,
  ) as Data;
  checkValues(data);
  return data;
}

/** As record batches' buffers are aligned at least: no typed array begins at any other byte. */
const ALIGNMENT = 8;

const aligned = (bytes: Uint8Array): Uint8Array =>
  bytes.byteOffset % ALIGNMENT === 0 ? bytes : Uint8Array.from(bytes);

/** The offsets of an array without elements, which a file may leave out, and whoever writes it again looks at. */
const NO_OFFSETS = new Uint8Array(16);

/** The library's own way to make columns of buffers that lie in different places. */
class Loader extends CompressedVectorLoader {
  protected override readOffsets<T extends DataType>(type: T, buffer?: BufferRegion): Uint8Array {
    const offsets = super.readOffsets(type, buffer);
    return offsets.byteLength === 0 ? NO_OFFSETS : offsets;
  }
}

/** Columns as one record batch. */
export function recordBatchOf(plan: BatchPlan, columns: Data[], metadata: Map<string, string>): RecordBatch {
  const fields = plan.decoded.map(({ field }) => field);
  const type = new Struct(fields);
  const data = makeData({ type, length: plan.metadata.length, nullCount: 0, children: columns });
  return new RecordBatch(new Schema(fields, metadata), data);
}

/** Bytes read for a batch in all: those of its columns that were left where they are, too. */
export function bytesOf({ stored }: BatchPlan, read: number): number {
  let bytes = read;
  for (const { byteLength } of stored.values()) bytes += byteLength;
  return bytes;
}

const CODEC_NAMES = ['LZ4', 'ZSTD'];

/** As people know it. */
export function codecNames({ metadata }: BatchPlan): readonly string[] {
  return metadata.compression === null ? [] : [CODEC_NAMES[metadata.compression.type] ?? 'unknown'];
}
