import { DataType, type Field, RecordBatchStreamWriter } from 'apache-arrow';
import * as parquet from 'parquet-wasm';
import { emptyBatch } from '../dataset/empty.js';
import { DataError, messageOf } from '../util/errors.js';
import { inParquetTypes } from './parquet-types.js';
import { type PartTable, partTable } from './part-table.js';
import type { CompleteSplit, Compression, EncoderSettings } from './types.js';

const CODECS: Readonly<Record<Compression, parquet.Compression>> = {
  none: parquet.Compression.UNCOMPRESSED,
  snappy: parquet.Compression.SNAPPY,
  gzip: parquet.Compression.GZIP,
  lz4: parquet.Compression.LZ4_RAW,
  zstd: parquet.Compression.ZSTD,
};

/** A row group takes no more than about this, however few rows that are: readers hold whole ones in memory. */
const ROW_GROUP_BYTES = 128 * 2 ** 20;

/**
 * A split as a Parquet file. The Arrow schema goes with it, as Arrow's libraries write it, so that they give back types that
 * Parquet itself does not tell apart, and the shapes of tensors.
 */
export async function encodeParquetPart(
  split: CompleteSplit,
  settings: EncoderSettings,
): Promise<Uint8Array> {
  const table = partTable(split, ({ name }, batches) => batches.map((data) => inParquetTypes(name, data)));
  let failure: unknown;
  // The writer does not hand on what its source throws.
  const source = streamOf(table, (error) => {
    failure = error;
  });
  try {
    const pieces: Uint8Array[] = [];
    const written = await parquet.transformParquetStream(source, propertiesOf(table, settings));
    for await (const piece of written as ReadableStream<Uint8Array>) pieces.push(piece);
    return Buffer.concat(pieces);
  } catch (error) {
    const cause = failure ?? error;
    throw new DataError(`the outputs can't be written as Parquet: ${messageOf(cause)}`, {
      key: 'sink.format',
      hint: 'Set sink.format: arrow, or leave columns out of sink.keep.',
      cause,
    });
  }
}

/** One record batch at a time in WebAssembly's memory, which never shrinks. The writer frees what it is given. */
function streamOf(
  { schema, batches }: PartTable,
  onError: (error: unknown) => void,
): ReadableStream<parquet.RecordBatch> {
  // Without any, nothing would tell the schema.
  const left = batches.length > 0 ? [...batches] : [emptyBatch(schema)];
  return new ReadableStream(
    {
      pull(controller) {
        const batch = left.shift();
        if (batch === undefined) return controller.close();
        try {
          const bytes = RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true);
          using table = parquet.Table.fromIPCStream(bytes);
          controller.enqueue(table.recordBatch(0) as parquet.RecordBatch);
        } catch (error) {
          onError(error);
          throw error;
        }
      },
    },
    { highWaterMark: 0 },
  );
}

function propertiesOf(
  { schema }: PartTable,
  { compression, rowGroupRows }: EncoderSettings,
): parquet.WriterProperties {
  // Tensors are numbers that hardly repeat, whose least and greatest help nobody: dictionaries and statistics would cost
  // most of the time, for plain columns alone they are worth it.
  const builder = schema.fields
    .filter(({ type }) => (type.children?.length ?? 0) === 0)
    .reduce(
      (builder, field) =>
        builder
          .setColumnDictionaryEnabled(field.name, repeats(field))
          .setColumnStatisticsEnabled(field.name, parquet.EnabledStatistics.Chunk),
      new parquet.WriterPropertiesBuilder()
        .setDictionaryEnabled(false)
        .setStatisticsEnabled(parquet.EnabledStatistics.None),
    );
  return builder
    .setCompression(CODECS[compression])
    .setMaxRowGroupSize(rowGroupRows)
    .setMaxRowGroupBytes(ROW_GROUP_BYTES)
    .setCreatedBy('penstock')
    .build();
}

const repeats = ({ type }: Field): boolean => !DataType.isFloat(type) && !DataType.isBool(type);
