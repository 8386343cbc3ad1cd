import { Field, FixedSizeList, Float32, Int32, Int64, List, Schema, Uint8 } from 'apache-arrow';
import { expect, test } from 'vitest';
import { proposeInputs } from '../../src/job/inspect.js';
import type { ModelTensor } from '../../src/session/types.js';

const item = (type: Int64 | Float32 | Uint8): Field => new Field('item', type, false);
const schema = new Schema([
  new Field('id', new Int32(), false),
  new Field('tokens', new List(item(new Int64())), false),
  new Field('embedding', new FixedSizeList(16, item(new Float32())), false),
  new Field('pixels', new FixedSizeList(12, item(new Uint8())), false),
]);

const tensor = (name: string, dtype: ModelTensor['dtype'], ...dims: (number | string)[]): ModelTensor => ({
  name,
  dtype,
  dims: ['batch', ...dims],
});

test('lists of any length go to an open dimension, and masks and lengths come from them', () => {
  const model = [
    tensor('input_ids', 'int64', 'sequence'),
    tensor('attention_mask', 'int64', 'sequence'),
    tensor('lengths', 'int32'),
  ];
  const { inputs, lengthColumn } = proposeInputs(model, schema, 'data');
  expect(inputs).toEqual({
    input_ids: { column: 'tokens' },
    attention_mask: { from: 'mask' },
    lengths: { from: 'length' },
  });
  expect(lengthColumn).toBe('tokens');
});

test('a column of the same name comes before others that would fit too', () => {
  const { inputs, notes } = proposeInputs([tensor('embedding', 'float32', 4, 4)], schema, 'data');
  expect(inputs).toEqual({ embedding: { column: 'embedding' } });
  expect(notes).toEqual([]);
});

test('no column feeds two inputs', () => {
  const model = [tensor('a', 'float32', 16), tensor('b', 'float32', 16)];
  expect(() => proposeInputs(model, schema, 'data')).toThrow('does not fit input b');
});

test('bytes for a tensor of floats are scaled, with a word of warning', () => {
  const { inputs, notes } = proposeInputs([tensor('image', 'float32', 3, 2, 2)], schema, 'data');
  expect(inputs).toEqual({ image: { column: 'pixels', scale: 1 / 255 } });
  expect(notes).toEqual([
    'image is made of pixels, the column that fits: check it.',
    expect.stringContaining('scale 1/255'),
  ]);
});
