import { z } from 'zod';
import { autoOrWholeNumber, localPath, named, nonNegative, text, wholeNumber } from '../job/fields.js';
import { model } from '../job/model-schema.js';
import { ascending, obeys } from '../job/rules.js';
import type { DeepReadonly, Job } from '../job/schema.js';
import { DTYPES } from '../util/dtype.js';
import { LOG_LEVELS } from './log/levels.js';
import { type BatchKeys, batchRule, modelsRule, namesRule } from './rules.js';

// One object a section of the configuration of `penstock serve`.

const listen = z.strictObject({
  host: text('a host name or an address')
    .default('127.0.0.1')
    .meta({
      description: 'The address to listen on. Anything else than loopback needs a token, or --insecure.',
      examples: ['0.0.0.0'],
    }),
  port: wholeNumber(0, 65535)
    .default(8000)
    .meta({ description: 'The port of HTTP; 0 for any free one.', examples: [8080] }),
  grpcPort: z
    .union([z.null(), wholeNumber(0, 65535)], { error: 'a whole number from 0 to 65535, or null' })
    .default(8001)
    .meta({ description: 'The port of gRPC; 0 for any free one, null for no gRPC.', examples: [9001, null] }),
});

const http = z.strictObject({
  maxBodyBytes: wholeNumber(1)
    .default(64 * 2 ** 20)
    .meta({ description: 'Bytes of a request’s body at most.', examples: [1_048_576] }),
});

const input = z
  .strictObject(
    {
      dtype: z.enum(DTYPES).exactOptional().meta({
        description: 'Type of the tensor. By default what the model says; float32 on the simulated runtime.',
      }),
      shape: z
        .array(wholeNumber(1), 'a list of whole numbers')
        .exactOptional()
        .meta({
          description:
            'Shape of one row, without the batch dimension in front: [1, 28, 28]; [] where a row is one number. By ' +
            'default what the model says; needed where that leaves dimensions open.',
          examples: [[1, 28, 28]],
        }),
      maxBytes: wholeNumber(1, 1_048_576)
        .exactOptional()
        .meta({
          description: 'Bytes of UTF-8 that a text has at most, where the model takes texts. Default: 256.',
          examples: [1024],
        }),
    },
    'a mapping such as { shape: [1, 28, 28] }',
  )
  .meta({ description: 'What a row of one input of the model is, where the model does not tell.' });

const batch = z
  .strictObject({
    size: autoOrWholeNumber(1, 32767)
      .default(64)
      .meta({
        description:
          'Rows in a batch at most. auto: the smallest with nearly the highest rate of the model, tried at the start.',
        examples: ['auto', 32],
      }),
    maxDelayMs: nonNegative('a number of milliseconds, 0 or more')
      .default(0)
      .meta({
        description:
          'Milliseconds that a row may wait for company although the device is free. By default none: batches grow only ' +
          'while the device is busy.',
        examples: [2],
      }),
    preferredSizes: z
      .array(wholeNumber(1), 'a list of whole numbers')
      .superRefine(obeys(ascending))
      .default([])
      .meta({
        description:
          'Batch sizes that the model likes, ascending: a smaller batch runs with as many rows as the next of these.',
        uniqueItems: true,
        examples: [[8, 16, 32]],
      }),
  })
  .superRefine(obeys<BatchKeys>(batchRule) as never);

const queue = z.strictObject({
  maxRows: wholeNumber(1)
    .default(1024)
    .meta({
      description: 'Rows that may wait, of all endpoints of the model together; more are refused.',
      examples: [4096],
    }),
  maxBytes: wholeNumber(1)
    .default(256 * 2 ** 20)
    .meta({
      description: 'Bytes of inputs that may wait, of all endpoints of the model together.',
      examples: [1_073_741_824],
    }),
});

const endpoint = z
  .strictObject(
    {
      priority: wholeNumber(1)
        .default(1)
        .meta({
          description: 'Its class: 1 comes first. Within a class, devices are shared out by weight.',
          examples: [2],
        }),
      weight: weight('Its share of the device beside others of its class, and what keeps it from starving.'),
      deadlineMs: z
        .union([z.null(), z.number().gt(0)], { error: 'a number of milliseconds above 0, or null' })
        .default(null)
        .meta({
          description:
            'Milliseconds from arrival within which a request is answered or refused; null for none. A client may ask for ' +
            'less.',
          examples: [200],
        }),
    },
    'a mapping such as { priority: 1 }',
  )
  .meta({ description: 'What clients call the model, and the class that its requests are of.' });

function weight(description: string) {
  const expected = 'a number above 0';
  return z
    .number(expected)
    .gt(0, expected)
    .default(1)
    .meta({ description, examples: [3] });
}

const served = z.strictObject(
  {
    model,
    inputs: named(input).default({}).meta({
      description: 'Rows of the model’s inputs, where the model does not tell what they are.',
    }),
    batch: batch.prefault({}).meta({ description: 'How requests become batches.' }),
    queue: queue.prefault({}).meta({ description: 'Bounds of what waits in front of the model.' }),
    endpoints: named(endpoint)
      .superRefine(obeys(namesRule) as never)
      .default({})
      .meta({ description: 'The names that clients call, by default one, that of the model.' }),
  },
  'a mapping with a model',
);

const job = z.strictObject(
  {
    job: localPath('the path of a job file').meta({
      description: 'The job file. A relative path starts at the folder of this configuration.',
      examples: ['nightly.yaml'],
    }),
    weight: weight(
      'Its share of the device beside other jobs, and beside endpoints where those leave none free.',
    ),
    quantumMs: z
      .number('a number of milliseconds above 0')
      .gt(0, 'a number of milliseconds above 0')
      .default(20)
      .meta({
        description:
          'Milliseconds by which requests may be answered later for it: one of its batches holds the device for two thirds of that at most, and what comes meanwhile takes longer together.',
        examples: [5],
      }),
  },
  'a mapping such as { job: nightly.yaml }',
);

const log = z.strictObject(
  {
    level: z
      .enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(', ')}` })
      .default('info')
      .meta({ description: 'The least that is written.' }),
    requests: z
      .boolean('true or false')
      .default(false)
      .meta({ description: 'Whether each request has a line; never what is in it.' }),
  },
  'a mapping such as { level: info }',
);

/** The configuration of `penstock serve`: what a user may write, its defaults, and what each key means. */
export const serveSchema = z.strictObject({
  name: text()
    .default('serve')
    .meta({
      description:
        'Names the server in logs and metrics. By default the name of the file without its extension.',
      examples: ['digits'],
    }),
  listen: listen.prefault({}).meta({ description: 'Where clients find it.' }),
  http: http.prefault({}).meta({ description: 'Bounds of HTTP.' }),
  models: named(served)
    .superRefine(obeys(modelsRule) as never)
    .meta({
      description: 'The models that are served, by name: letters, digits, «.», «_» and «-».',
      minProperties: 1,
    }),
  log: log.prefault({}).meta({ description: 'What is written to stderr.' }),
  jobs: z.array(job, 'a list of mappings such as { job: nightly.yaml }').default([]).meta({
    description: 'Batch jobs that run beside them on the same devices and fill what those have free.',
  }),
});

type Parsed = z.output<typeof serveSchema>;

/** A configuration as `loadServeConfig` and `parseServeConfig` return it: all defaults filled in, all paths absolute. */
export type ServeConfig = DeepReadonly<
  Omit<Parsed, 'models'> & {
    models: Record<string, Omit<Parsed['models'][string], 'model'> & { model: Job['model'] }>;
  }
>;
/** A configuration as a user writes it. */
export type ServeConfigInput = DeepReadonly<z.input<typeof serveSchema>>;
export type ServedModel = ServeConfig['models'][string];
export type EndpointSpec = ServedModel['endpoints'][string];
export type ServedJob = ServeConfig['jobs'][number];
