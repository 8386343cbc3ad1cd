import { sample } from '../../dataset/parquet-samples.js';
import type { Corpus } from './types.js';

const NAMES = [
  'all-v1',
  'all-v2',
  'plain-v1',
  'plain-v2',
  'encodings-v1',
  'encodings-v2',
  'codec-snappy',
  'codec-gzip',
  'codec-brotli',
  'codec-lz4',
  'codec-zstd',
  'duckdb-v2',
  'duckdb-zstd',
  'duckdb-lz4_raw',
  'groups',
  'old',
];

/** What pyarrow and DuckDB wrote. */
export const parquetCorpus: Corpus = {
  name: 'Parquet files',
  samples: () => NAMES.map((name) => ({ name: `${name}.parquet`, bytes: sample(`${name}.parquet`) })),
};
