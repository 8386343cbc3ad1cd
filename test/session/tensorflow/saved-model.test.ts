import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadSavedModel } from '../../../src/session/tensorflow/saved-model.js';
import { readSavedModel } from '../../../src/session/tensorflow/saved-model-file.js';
import type { SavedModels } from '../../../src/session/tensorflow/types.js';
import { DeviceError, StorageError } from '../../../src/util/errors.js';
import { workspace } from '../../helpers/workspace.js';
import { at } from './models.js';

// What is found out before libtensorflow sees the model. The models that run are in test/interop.

const SAVED = at('native-models/digits/saved-model/saved_model.pb');

/** A field of a message: a number, or bytes with their length before them. */
function field(number: number, value: number | string | Buffer): Buffer {
  if (typeof value === 'number') return Buffer.concat([varint(number << 3), varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

const message = (number: number, ...fields: Buffer[]): Buffer => field(number, Buffer.concat(fields));

const FLOAT = 1;
const tensor = (side: 1 | 2, name: string, dtype: number, shape: Buffer): Buffer =>
  message(side, field(1, name), message(2, field(1, `${name}:0`), field(2, dtype), shape));
const dims = (...sizes: number[]): Buffer => message(3, ...sizes.map((size) => message(2, field(1, size))));
const UNKNOWN_RANK = message(3, field(3, 1));

const signature = (name: string, ...tensors: Buffer[]): Buffer =>
  message(5, field(1, name), message(2, ...tensors));
const PLAIN = signature('serving_default', tensor(1, 'x', FLOAT, dims(-1)), tensor(2, 'y', FLOAT, dims(-1)));

/** Writes a SavedModel of one graph with the tag serve; returns the folder. */
function write(folder: string, ...fields: Buffer[]): string {
  mkdirSync(join(folder, 'assets'), { recursive: true });
  const graph = message(2, message(1, field(4, 'serve')), ...fields);
  writeFileSync(join(folder, 'saved_model.pb'), Buffer.concat([field(1, 1), graph]));
  return folder;
}

/** Loads it up to where libtensorflow would. */
function load(folder: string, options: { tags?: string[]; signature?: string } = {}): Promise<unknown> {
  const library = {
    load: () => Promise.reject(new Error('libtensorflow loads it')),
  } as unknown as SavedModels;
  return loadSavedModel(library, folder, { tags: ['serve'], signature: 'serving_default', ...options });
}

describe('a SavedModel', () => {
  test('tells its tags, and the tensors of its signatures', async () => {
    expect(await readSavedModel(SAVED)).toEqual([
      {
        tags: ['serve'],
        assets: [],
        signatures: new Map([
          [
            'serving_default',
            {
              inputs: [{ name: 'image', dtype: FLOAT, shape: [-1, 28, 28, 1] }],
              outputs: [{ name: 'logits', dtype: FLOAT, shape: [-1, 10] }],
            },
          ],
        ]),
      },
    ]);
  });

  test('of unknown rank has no shape, and a scalar has one without dimensions', async () => {
    const one = signature('s', tensor(1, 'any', FLOAT, UNKNOWN_RANK), tensor(2, 'one', FLOAT, dims()));
    const [graph] = await readSavedModel(join(write(workspace()('m'), one), 'saved_model.pb'));
    expect(graph?.signatures.get('s')).toEqual({
      inputs: [{ name: 'any', dtype: FLOAT, shape: undefined }],
      outputs: [{ name: 'one', dtype: FLOAT, shape: [] }],
    });
  });

  test('that is cut off anywhere, or is something else, is refused with the reason', async () => {
    const folder = workspace();
    const bytes = readFileSync(SAVED);
    for (const length of [1, 3, 1000, bytes.length - 1]) {
      writeFileSync(folder('saved_model.pb'), bytes.subarray(0, length));
      const refused = readSavedModel(folder('saved_model.pb'));
      await expect(refused).rejects.toBeInstanceOf(DeviceError);
      await expect(refused).rejects.toThrow('saved_model.pb: is no SavedModel: it is cut off');
    }
    writeFileSync(folder('saved_model.pb'), 'PK\u0003\u0004');
    await expect(readSavedModel(folder('saved_model.pb'))).rejects.toThrow('is no SavedModel');
    await expect(readSavedModel(folder('absent'))).rejects.toBeInstanceOf(StorageError);
  });

  test.each([
    [{ tags: ['serve', 'gpu'] }, 'has no graph with the tags [serve, gpu]; it has [serve]'],
    [{ signature: 'train' }, 'has no signature train; it has serving_default'],
  ])('without %j says what it has', async (options, why) => {
    await expect(load(write(workspace()('m'), PLAIN), options)).rejects.toThrow(why);
  });
});

describe('types that tfjs-node does not know are refused by name', () => {
  test.each([
    [2, 'float64'],
    [5, 'int16'],
    [14, 'bfloat16'],
    [19, 'float16'],
    [22, 'uint32'],
    [99, 'type 99'],
  ])('%i, which is %s', async (dtype, name) => {
    const other = signature('other', tensor(2, 'z', dtype, dims(-1)));
    await expect(load(write(workspace()('m'), PLAIN, other))).rejects.toThrow(
      `"z" of signature other is a tensor of ${name}, which tfjs-node can't hand over`,
    );
  });

  test('those made of several tensors', async () => {
    const ragged = message(1, field(1, 'r'), message(2, message(5), field(2, FLOAT)));
    await expect(load(write(workspace()('m'), signature('s', ragged)))).rejects.toThrow(
      '"r" of signature s is a tensor of sparse or ragged values',
    );
  });

  test('texts', async () => {
    const text = signature('serving_default', tensor(1, 'words', 7, dims(-1)));
    await expect(load(write(workspace()('m'), text))).rejects.toThrow(
      'input "words" is a tensor of string, which is not supported',
    );
  });

  test('but not in what it runs to initialise itself', async () => {
    const init = signature('__saved_model_init_op', tensor(2, '__saved_model_init_op', 0, UNKNOWN_RANK));
    await expect(load(write(workspace()('m'), PLAIN, init))).rejects.toThrow('libtensorflow loads it');
  });
});

describe('assets that a SavedModel names', () => {
  const asset = (name: string): Buffer => message(6, field(2, name));
  const assetOfVersion1 = (name: string): Buffer =>
    message(
      4,
      field(1, 'saved_model_assets'),
      message(2, message(5, message(1, field(1, 'type'), message(2, field(2, name))))),
    );

  test.each(['../../words.txt', '/etc/hostname', '..', ''])(
    'outside of its folder are refused: %j',
    async (name) => {
      for (const named of [asset(name), assetOfVersion1(name)]) {
        const refused = load(write(workspace()('m'), PLAIN, asset('words.txt'), named));
        await expect(refused).rejects.toBeInstanceOf(DeviceError);
        await expect(refused).rejects.toThrow(
          `names asset ${JSON.stringify(name)}, outside of the folder of the model: refused`,
        );
      }
    },
  );

  test('outside of its folder are refused where a link leads to them', async () => {
    const folder = workspace();
    writeFileSync(folder('words.txt'), '');
    symlinkSync('../../words.txt', join(write(folder('m'), PLAIN, asset('words.txt')), 'assets/words.txt'));
    await expect(load(folder('m'))).rejects.toThrow('names asset "words.txt", a link to');
  });

  test('inside are taken', async () => {
    const folder = write(workspace()('m'), PLAIN, asset('words.txt'));
    writeFileSync(join(folder, 'assets/words.txt'), '');
    await expect(load(folder)).rejects.toThrow('libtensorflow loads it');
  });
});
