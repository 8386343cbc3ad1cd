import { z } from 'zod';
import { distinct, localPath, location, named, text, wholeNumber } from './fields.js';
import { noSecrets, obeys } from './rules.js';

const cache = z
  .strictObject(
    {
      dir: localPath('a directory').meta({
        description: 'Where to keep it. A relative path starts at the folder of the job file.',
        examples: ['.cache/penstock'],
      }),
      maxBytes: wholeNumber(64 * 2 ** 20)
        .default(10 * 2 ** 30)
        .meta({
          description: 'Bytes that it may take; what was not used for longest goes first. 64 MiB or more.',
          examples: [50_000_000_000],
        }),
    },
    'a mapping such as { dir: .cache }',
  )
  .meta({
    description:
      'Keeps what was read of remote storage on a local disk, for the next run. Several processes may share it. By ' +
      'default nothing is kept.',
  });

/** Options of remote storage, of a source or a sink. */
export const storage = named(
  z.union([z.string(), z.number(), z.boolean()], 'text, a number, true or false').transform(String),
).superRefine(obeys(noSecrets));

export const storageMeta = {
  description:
    'Options of remote storage, such as endpoint and region. Secrets are refused here: they come from the ' +
    'environment only.',
  examples: [{ region: 'eu-west-1' }],
};

/** The section `source` of the job file. */
export const source = z.strictObject(
  {
    uri: location('a file, directory, glob or URL').meta({
      description:
        'Where the rows come from: a file, a directory or a glob, as a path, file:, http(s):, s3:, gs: or az:. ' +
        'A relative path starts at the folder of the job file.',
      examples: ['data/digits.arrow', 'data/*.parquet', 's3://bucket/prefix/'],
    }),
    format: z
      .enum(['auto', 'arrow', 'arrow-stream', 'parquet'])
      .default('auto')
      .meta({
        description:
          'How the files are written: arrow (IPC file), arrow-stream (IPC stream), parquet, or auto: found out from the ' +
          'files themselves.',
      }),
    columns: distinct(text('a column name'), 'a list of column names')
      .min(1, 'at least one column name')
      .exactOptional()
      .meta({
        description:
          'The columns to read from the source. Those that inputs, batch.lengthColumn and sink.keep need are read ' +
          'whether they are named here or not; by default just those.',
        examples: [['id', 'pixels']],
      }),
    limit: wholeNumber(0)
      .exactOptional()
      .meta({
        description: 'Rows to read at most, from the first on, before filter is applied. By default all.',
        examples: [10_000],
      }),
    filter: text('a predicate on columns')
      .exactOptional()
      .meta({
        description:
          'Which rows to read: a predicate on columns as in SQL, with =, <>, <, <=, >, >=, IN, BETWEEN, LIKE, IS NULL, ' +
          'AND, OR and NOT. Row groups of Parquet files in which no row can match are not read.',
        examples: ["label = 3 AND (score > 0.5 OR name LIKE 'a%')"],
      }),
    storage: storage.prefault({}).meta(storageMeta),
    cache: cache.exactOptional(),
  },
  'a mapping with the uri of the data',
);
