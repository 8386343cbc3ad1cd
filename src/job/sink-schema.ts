import { z } from 'zod';
import { distinct, location, text, wholeNumber } from './fields.js';
import { obeys, sinkKeywords, sinkRule } from './rules.js';
import { storage, storageMeta } from './source-schema.js';

/** One of the section `outputs` of the job file. */
export const output = z
  .strictObject(
    {
      as: text('a column name').meta({
        description: 'The column that it is written as.',
        examples: ['score'],
      }),
    },
    'a mapping such as { as: score }',
  )
  .meta({ description: 'How one output of the model is written.' });

/** The section `sink` of the job file. */
export const sink = z
  .strictObject(
    {
      uri: location('a directory or URL')
        .exactOptional()
        .meta({
          description:
            'Where to write: a directory, or a prefix in remote storage (s3:, gs:, az:). A relative path starts at the ' +
            'folder of the job file. Needed unless format is none.',
          examples: ['out', 's3://bucket/predictions'],
        }),
      storage: storage.exactOptional().meta(storageMeta),
      format: z.enum(['arrow', 'parquet', 'jsonl', 'none']).default('arrow').meta({
        description: 'How to write; none writes nothing.',
      }),
      compression: z
        .enum(['none', 'snappy', 'gzip', 'lz4', 'zstd'])
        .exactOptional()
        .meta({
          description:
            'How parts are compressed. arrow: none (default), lz4, or zstd, which needs Node 22.15; parquet: snappy ' +
            '(default), none, gzip, lz4 or zstd; jsonl: none.',
        }),
      rowGroupRows: wholeNumber(1)
        .exactOptional()
        .meta({
          description:
            'Rows of a row group of Parquet at most, by default 1048576. One also ends at 128 MiB, and with its part: ' +
            'readers hold whole ones.',
          examples: [65_536],
        }),
      keep: distinct(text('a column name'), 'a list of column names')
        .default([])
        .meta({
          description: 'Columns of the input that are carried over, beside the outputs.',
          examples: [['id', 'label']],
        }),
    },
    'a mapping with the uri to write to',
  )
  .superRefine(obeys(sinkRule))
  .meta(sinkKeywords);
