import { z } from 'zod';
import { autoOrWholeNumber, nonNegative, text, wholeNumber } from './fields.js';
import { ascending, type BatchKeys, batchKeywords, batchRule, obeys } from './rules.js';

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

/** The section `batch` of the job file. */
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
