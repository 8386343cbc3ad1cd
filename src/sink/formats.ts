import type { Schema } from 'apache-arrow';
import { DataError } from '../util/errors.js';
import { unfitForParquet } from './parquet-types.js';
import type { CompleteSplit, EncoderSettings } from './types.js';

/** A split as the bytes of a part. */
export type Encode = (split: CompleteSplit, settings: EncoderSettings) => Uint8Array | Promise<Uint8Array>;

interface Format {
  /** Loads what it takes, on first use, in the sink's thread. */
  readonly load: () => Promise<Encode>;
  /** What keeps a kept column of some type out, worded to follow the type. */
  readonly unfit?: typeof unfitForParquet;
}

/** Formats by name, which is their files' extension too. A new one is a file, an entry here, and one in codecs.ts. */
const FORMATS: Readonly<Record<string, Format>> = {
  arrow: {
    load: async () => (await import('./arrow-part.js')).encodeArrowPart,
  },
  parquet: {
    load: async () => (await import('./parquet-part.js')).encodeParquetPart,
    unfit: unfitForParquet,
  },
  jsonl: { load: async () => (await import('./jsonl-part.js')).encodeJsonlPart },
};

/** A format by its name. */
function formatOf(name: string): Format {
  const format = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  if (format === undefined) throw new TypeError(`no format ${name}`);
  return format;
}

/** Loads what a format takes: in the sink's thread. */
export const loadEncoder = (format: string): Promise<Encode> => formatOf(format).load();

/** @throws DataError for a kept column that a format can't hold */
export function checkKept(format: string, keep: readonly string[], schema: Schema): void {
  if (format === 'none') return;
  const { unfit } = formatOf(format);
  for (const { name, type } of schema.fields) {
    const reason = keep.includes(name) ? unfit?.(type) : undefined;
    if (reason === undefined) continue;
    throw new DataError(`sink.keep: column ${JSON.stringify(name)} is of type ${type}, ${reason}`, {
      column: name,
      key: 'sink.keep',
      hint: 'Set sink.format: arrow, or leave the column out.',
    });
  }
}
