import { z } from 'zod';
import { DTYPES } from '../util/dtype.js';
import { finiteNumber, perChannel, text, wholeNumber } from './fields.js';
import { inputRule, obeys, permutation } from './rules.js';

/** What one input of the model is made of: an entry of the job file's `inputs`. */
export const input = z
  .strictObject(
    {
      column: text('a column name')
        .exactOptional()
        .meta({
          description:
            'The column that this input is made of. By default the one with the name of the input.',
          examples: ['pixels'],
        }),
      dtype: z.enum(DTYPES).exactOptional().meta({
        description:
          'Type of the tensor. By default what the model asks for; float32 on the simulated runtime.',
      }),
      shape: z
        .array(wholeNumber(1), 'a list of whole numbers')
        .exactOptional()
        .meta({
          description:
            'Shape of one row, without the batch dimension in front: [1, 28, 28]; [] where a row is one number. By default ' +
            'what the model asks for, or where that says nothing, what a row of the column has.',
          examples: [[1, 28, 28], []],
        }),
      from: z
        .enum(['values', 'mask', 'length'])
        .default('values')
        .meta({
          description:
            'What the tensor is made of: the values of the column; or, for rows of variable length, a mask of 1 for an ' +
            'element and 0 for padding, or the length of the row. The last two need batch.lengthColumn.',
        }),
      pad: finiteNumber()
        .default(0)
        .meta({
          description:
            'What stands behind the last element of rows that are padded to the length of their bucket.',
          examples: [-1],
        }),
      scale: perChannel(finiteNumber())
        .default(1)
        .meta({
          description:
            'The tensor gets (value × scale − mean) ÷ std: a number, or a list with one for each channel. Needs a float ' +
            'tensor, as do mean and std.',
          examples: [0.00392156862745098],
        }),
      mean: perChannel(finiteNumber())
        .default(0)
        .meta({
          description: 'The tensor gets (value × scale − mean) ÷ std: a number, or one for each channel.',
          examples: [[0.485, 0.456, 0.406]],
        }),
      std: perChannel(finiteNumber().refine((value) => value !== 0, { error: 'must not be 0' }))
        .default(1)
        .meta({
          description:
            'The tensor gets (value × scale − mean) ÷ std: a number, or one for each channel. Not 0.',
          not: { const: 0 },
          examples: [[0.229, 0.224, 0.225]],
        }),
      channelAxis: wholeNumber(0)
        .exactOptional()
        .meta({
          description:
            'Which dimension of a row of the tensor the lists of scale, mean and std go along, from 0. By default the only ' +
            'one that is as large as they are long.',
          examples: [0],
        }),
      transpose: z
        .array(wholeNumber(0), 'a list of whole numbers')
        .superRefine(obeys(permutation))
        .exactOptional()
        .meta({
          description:
            'For each dimension of a row of the tensor, which dimension of the row in the column it is, from 0: [2, 0, 1] ' +
            'makes channels-first of images that lie in the column as height × width × channels.',
          examples: [[2, 0, 1]],
        }),
      oneHot: wholeNumber(2)
        .exactOptional()
        .meta({
          description:
            'Of whole numbers, or of the codes of a dictionary-encoded column, makes as many elements each: 1 at the place ' +
            'that the number tells, from 0, and 0 elsewhere. They are the last dimension of the tensor.',
          examples: [10],
        }),
      maxBytes: wholeNumber(1, 1_048_576)
        .exactOptional()
        .meta({
          description:
            'Bytes of UTF-8 that a text has at most, where the model takes texts. Default: 256. A longer one is a bad row.',
          examples: [1024],
        }),
      nulls: z
        .union([z.enum(['error', 'zero']), finiteNumber()], { error: 'error, zero or a number' })
        .exactOptional()
        .meta({
          description:
            'What the tensor gets where the column has a null: 0, or a number, as it is, neither scaled nor shifted. By ' +
            'default a null is an error.',
          examples: ['zero', -1],
        }),
    },
    'a mapping such as { column: pixels }',
  )
  .superRefine(obeys(inputRule))
  .meta({ description: 'What one input of the model is made of.' });
