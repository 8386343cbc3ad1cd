import { z } from 'zod';
import { batch } from './batch-schema.js';
import { autoOrWholeNumber, location, named, text, wholeNumber } from './fields.js';
import { input } from './input-schema.js';
import { model } from './model-schema.js';
import { jobKeywords, jobRule, obeys } from './rules.js';
import { output, sink } from './sink-schema.js';
import { source } from './source-schema.js';

const ring = z.strictObject({
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
  pinned: z
    .union([z.literal('auto'), z.boolean()], 'auto, true or false')
    .default('auto')
    .meta({
      description:
        'Whether slots are registered with the driver of the GPU (page-locked), which then copies them faster and ' +
        'beside its work. auto: with the providers cuda and tensorrt, where it can be done. true: it is an error ' +
        'where it can not.',
      examples: [true],
    }),
});

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

/** The job file: what a user may write, its defaults, and what each key means. */
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
export type SinkSpec = Job['sink'];
