import * as zlib from 'node:zlib';
import { UsageError } from '../util/errors.js';
import type { Compression } from './types.js';

// Apart from the formats themselves: whoever checks a job file need not load what writes them.

/** How each format can be compressed; the first is the default. */
const CODECS: Readonly<Record<string, readonly Compression[]>> = {
  arrow: ['none', 'lz4', 'zstd'],
  parquet: ['snappy', 'none', 'gzip', 'lz4', 'zstd'],
  jsonl: ['none'],
};

/** The codecs that a format has, the default first; none where nothing is written. */
export const codecsOf = (format: string): readonly Compression[] => CODECS[format] ?? [];

/** Whether this Node compresses with zstd: from 22.15 on. */
export const hasZstd = (): boolean => 'zstdCompressSync' in zlib;

/** @throws UsageError for a codec that this Node does not have */
export function checkCodec(format: string, compression: Compression): void {
  if (format !== 'arrow' || compression !== 'zstd' || hasZstd()) return;
  throw new UsageError(
    `sink.compression: zstd in Arrow files needs Node 22.15 or later, not ${process.version}`,
    {
      key: 'sink.compression',
      hint: 'Set sink.compression: lz4, or sink.format: parquet, which brings its own.',
    },
  );
}
