import { z } from 'zod';
import {
  autoOrWholeNumber,
  distinct,
  localPath,
  location,
  named,
  nonNegative,
  text,
  wholeNumber,
} from './fields.js';
import { input } from './input-schema.js';
import { modelKeywords, modelRule } from './model-rules.js';
import {
  ascending,
  type BatchKeys,
  batchKeywords,
  batchRule,
  jobKeywords,
  jobRule,
  noSecrets,
  obeys,
  sinkKeywords,
  sinkRule,
} from './rules.js';

// One object a section of the job file, in the order of DESIGN §9.

export const cache = z
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

const storage = named(
  z.union([z.string(), z.number(), z.boolean()], 'text, a number, true or false').transform(String),
).superRefine(obeys(noSecrets));

const storageMeta = {
  description:
    'Options of remote storage, such as endpoint and region. Secrets are refused here: they come from the ' +
    'environment only.',
  examples: [{ region: 'eu-west-1' }],
};

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

export const model = z
  .strictObject(
    {
      uri: location('a path or URL of a model')
        .exactOptional()
        .meta({
          description:
            'The model: a path or a URL. A relative path starts at the folder of the job file. Only the simulated runtime ' +
            'needs none.',
          examples: ['model.onnx'],
        }),
      runtime: z
        .enum(['onnx', 'tensorflow', 'simulated', 'module'])
        .default('onnx')
        .meta({
          description:
            'What runs the model: onnx (ONNX Runtime), tensorflow, simulated: a device with a given service time, for ' +
            'measuring everything around it without a GPU, or module: an ES module of your own that exports load.',
        }),
      providers: distinct(text('the name of a provider'), 'a list of providers')
        .min(1, 'at least one provider')
        .exactOptional()
        .meta({
          description:
            'What the runtime computes with, tried in this order. onnx: execution providers, cuda, tensorrt, webgpu, cpu ' +
            'and so on, by default cpu. tensorflow: tfjs-node-gpu, tfjs-node, webgpu, wasm, by default all four. The ' +
            'report says which one really ran.',
          examples: [['cuda', 'cpu']],
        }),
      instances: autoOrWholeNumber()
        .default('auto')
        .meta({
          description:
            'Sessions per device, each with a thread of its own. auto begins by device, and on the machine’s own cores becomes ' +
            'more while the job runs, where a core is idle and it is faster by that.',
          examples: [2],
        }),
      isolation: z
        .enum(['thread', 'process'])
        .default('thread')
        .meta({
          description:
            'Where sessions live: in threads of this process, or each in a process of its own. A driver or library that ' +
            'crashes then takes only that process with it, which is started again.',
        }),
      runTimeoutMs: wholeNumber(1)
        .default(600_000)
        .meta({
          description:
            'Milliseconds that one run of the model may take. Where one takes longer, the device hangs: what is complete is ' +
            'written, and the job fails. With isolation: process, only its process is ended, as if it had crashed.',
          examples: [30_000],
        }),
      devices: distinct(wholeNumber(0), 'a list of numbers of devices')
        .min(1, 'at least one number of a device')
        .exactOptional()
        .meta({
          description:
            'The devices to run on, by their numbers: all take batches from the same ring, with as many sessions on each ' +
            'as instances says. For providers that number their devices, which are cuda, tensorrt and dml, and for the ' +
            'simulated runtime; others have one, [0]. By default the one that options.deviceId names, or 0.',
          examples: [[0, 1]],
        }),
      options: named(z.unknown())
        .default({})
        .meta({
          description:
            'What the runtime takes. onnx: options of ONNX Runtime’s sessions, by its names, such as ' +
            'graphOptimizationLevel, intraOpNumThreads, freeDimensionOverrides and extra; deviceId, allowSoftware, and ' +
            'webgpu for that provider’s own. simulated: batchMicros and rowMicros: a batch takes batchMicros + rows × ' +
            'rowMicros microseconds. tensorflow: allowSoftware, wasmPath, tags and signature.',
          examples: [{ intraOpNumThreads: 2 }],
        }),
    },
    'a mapping with the uri of a model',
  )
  .superRefine(obeys(modelRule))
  .meta(modelKeywords);

function batchWith<Size extends z.ZodType<number | 'auto'>>(size: Size) {
  return z
    .strictObject({
      size,
      maxDelayMs: nonNegative('a number of milliseconds, 0 or more')
        .default(50)
        .meta({
          description: 'Milliseconds that a row may wait for company before its batch leaves unfilled.',
          examples: [20],
        }),
      order: z
        .enum(['any', 'fixed'])
        .default('any')
        .meta({
          description:
            'fixed: batches never mix splits and keep the order of rows, so that outputs are equal to the bit from run to ' +
            'run. any: batches take rows as they come; outputs are written in the order of the input all the same.',
        }),
      lengthColumn: text('a column name')
        .exactOptional()
        .meta({
          description:
            'The column that tells the length of a row, where rows are of variable length: whole numbers, or lists, whose ' +
            'own length it is then. Inputs made of lists are padded to the length of their bucket.',
          examples: ['tokens'],
        }),
      buckets: z
        .array(wholeNumber(1), 'a list of whole numbers')
        .min(1, 'at least one length')
        .superRefine(obeys(ascending))
        .exactOptional()
        .meta({
          description:
            'Lengths that rows are padded to, ascending: a row goes to the smallest that holds it, and batches are made ' +
            'of one bucket each. Needs lengthColumn; by default powers of two from 32 to 4096.',
          uniqueItems: true,
          examples: [[32, 64, 128, 256]],
        }),
      maxTokens: wholeNumber(1)
        .exactOptional()
        .meta({
          description: 'Tokens in a batch at most, padding included. Needs lengthColumn.',
          examples: [8192],
        }),
      preferredSizes: z
        .array(wholeNumber(1), 'a list of whole numbers')
        .superRefine(obeys(ascending))
        .default([])
        .meta({
          description:
            'Batch sizes that the model likes, ascending, as engines do that are compiled for some: a smaller batch runs ' +
            'with as many rows as the next of these, and the outputs of the rows too many are dropped.',
          uniqueItems: true,
          examples: [[16, 32, 64]],
        }),
    })
    .superRefine(obeys<BatchKeys>(batchRule) as never)
    .meta(batchKeywords);
}

export const batch = batchWith(
  autoOrWholeNumber(1, 32767)
    .default(64)
    .meta({
      description:
        'Rows in a batch at most. auto: the smallest with nearly the highest rate of the model, tried before the first row.',
      examples: ['auto', 128],
    }),
);

/** Of a loader, which has no model that could be tried. */
export const loaderBatch = batchWith(
  wholeNumber(1, 32767).default(64).meta({ description: 'Rows in a batch at most.' }),
);

export const ring = z.strictObject({
  slots: autoOrWholeNumber(2, 256)
    .default('auto')
    .meta({
      description:
        'Batches that may be anywhere between their first row and their written output. auto begins with 8, or with more ' +
        'where batches are small, and takes more where rows come in bursts, within maxBytes.',
      examples: [16],
    }),
  maxBytes: wholeNumber(1)
    .exactOptional()
    .meta({
      description: 'Bytes that all slots together may take. By default what the slots need.',
      examples: [1_000_000_000],
    }),
});

const output = z
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

const sink = z
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

const errors = z.strictObject({
  maxRows: wholeNumber(0)
    .default(0)
    .meta({
      description:
        'Bad rows that may go to _dead_letters/ with their reason before the job fails. 0: it fails on the first.',
      examples: [100],
    }),
  stuckAfterMs: wholeNumber(1)
    .default(600_000)
    .meta({
      description:
        'Milliseconds for which nothing at all may move, no producer, no batch and no part, before the job is given up as ' +
        'stuck. Runs of the model have a limit of their own, model.runTimeoutMs.',
      examples: [3_600_000],
    }),
});

/** The job file (DESIGN §9): what a user may write, its defaults, and what each key means. */
export const jobSchema = z
  .strictObject({
    name: text()
      .default('job')
      .meta({
        description: 'Names the job in reports. By default the name of the job file without its extension.',
        examples: ['digits'],
      }),
    source: source.meta({ description: 'Where the rows come from.' }),
    model: model.meta({ description: 'What runs over them.' }),
    inputs: named(input).default({}).meta({
      description: 'Input of the model → column of the data. May be left out where names and shapes match.',
    }),
    transform: location('a path or URL of a module')
      .exactOptional()
      .meta({
        description:
          'A module whose default export runs in the producers on whole record batches, before they become tensors: a path ' +
          'or a URL. A relative path starts at the folder of the job file.',
        examples: ['./transform.mjs'],
      }),
    batch: batch.prefault({}).meta({ description: 'How rows become batches.' }),
    producers: autoOrWholeNumber()
      .default('auto')
      .meta({
        description:
          'Threads that read, decode, transform and collate. auto begins with a number by the cores of this machine, and ' +
          'takes more while the device waits for them and that helps.',
        examples: [4],
      }),
    ring: ring.prefault({}).meta({
      description: 'Shared memory for batches, allocated once before the first row is read.',
    }),
    outputs: named(output).exactOptional().meta({
      description:
        'Output of the model → column; those not named are not written. Left out or empty: all, by their own names.',
    }),
    sink: sink.meta({ description: 'Where outputs go: one part per split, rows in the order of the input.' }),
    errors: errors
      .prefault({})
      .meta({ description: 'What bad rows may do to the job, and a stage that hangs.' }),
  })
  .superRefine(obeys(jobRule))
  .meta(jobKeywords);

export type DeepReadonly<T> = T extends readonly (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** With the defaults that depend on other keys, which `load.ts` fills in. */
type Settled<T extends { model: { providers?: string[] } }> = T & {
  model: { providers: string[] };
};

/** A job as `loadJob` and `parseJob` return it: all defaults filled in, all paths absolute. */
export type Job = DeepReadonly<Settled<z.output<typeof jobSchema>>>;
/** A job as a user writes it. */
export type JobInput = DeepReadonly<z.input<typeof jobSchema>>;

export type SourceSpec = Job['source'];
export type ModelSpec = Job['model'];
/** What one input of the model is made of. An element of the tensor is (value × scale − mean) ÷ std. */
export type InputSpec = Job['inputs'][string];
export type BatchSpec = Job['batch'];
export type RingSpec = Job['ring'];
export type OutputSpec = NonNullable<Job['outputs']>[string];
export type SinkSpec = Job['sink'];
