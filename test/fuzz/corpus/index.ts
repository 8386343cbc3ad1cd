import { arrowCorpus } from './arrow.js';
import { parquetCorpus } from './parquet.js';
import type { Corpus } from './types.js';

export const CORPORA: readonly Corpus[] = [arrowCorpus, parquetCorpus];
