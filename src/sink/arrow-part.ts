import { CompressionType, type RecordBatchFileWriter } from 'apache-arrow';
import { type Compress, CompressingFileWriter, lz4, zstd } from './arrow-compression.js';
import { partTable } from './part-table.js';
import { shareDictionaries } from './shared-dictionaries.js';
import type { CompleteSplit, Compression, EncoderSettings } from './types.js';

const CODECS: Partial<Record<Compression, { readonly type: CompressionType; load(): Compress }>> = {
  lz4: { type: CompressionType.LZ4_FRAME, load: lz4 },
  zstd: { type: CompressionType.ZSTD, load: zstd },
};

/** A split as an Arrow IPC file, one record batch for each that was read; buffers compressed, if asked for. */
export function encodeArrowPart(
  split: CompleteSplit,
  { compression }: Pick<EncoderSettings, 'compression'>,
): Uint8Array {
  const { schema, batches } = partTable(split, ({ name }, data) => shareDictionaries(name, data));
  const codec = CODECS[compression];
  const writer: RecordBatchFileWriter = new CompressingFileWriter(codec?.type, codec?.load());
  writer.reset(undefined, schema);
  for (const batch of batches) writer.write(batch);
  return writer.finish().toUint8Array(true);
}
