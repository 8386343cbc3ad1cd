import {
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import { modelFiles } from '../../../src/session/model-files.js';
import type { Session } from '../../../src/session/types.js';
import { DeviceError, StorageError } from '../../../src/util/errors.js';
import { type OnnxExternal, OnnxType, onnxGraph } from '../../helpers/onnx.js';
import { workspace } from '../../helpers/workspace.js';
import { failureOf, open, outputOf, view } from './models.js';

// Models y = x + a + b, of which a and b lie in other files.
const A = Float32Array.of(1, 2, 3, 4);
const B = Float32Array.of(10, 20, 30, 40);
const BYTES = A.byteLength;
const raw = (values: Float32Array): Buffer => Buffer.from(values.buffer);

const X = { name: 'x', type: OnnxType.float32, dims: ['batch', 4] };
const Y = { name: 'y', type: OnnxType.float32, dims: ['batch', 4] };
const weight = (name: string, data: OnnxExternal) => ({ name, type: OnnxType.float32, dims: [4], data });
const add = (from: string, to: string, by: string) => ({
  operator: 'Add',
  inputs: [from, by],
  outputs: [to],
});

const model = (a: OnnxExternal, b: OnnxExternal): Uint8Array =>
  onnxGraph({
    nodes: [add('x', 'between', 'a'), add('between', 'y', 'b')],
    inputs: [X],
    outputs: [Y],
    weights: [weight('a', a), weight('b', b)],
  });

/** Both in one file, as exporters write them. */
const together = (location: string): Uint8Array =>
  model({ location, offset: 0, length: BYTES }, { location, offset: BYTES, length: BYTES });
const BOTH = Buffer.concat([raw(A), raw(B)]);

const sums = (session: Session) =>
  outputOf(session, [view('x', 'float32', [1, 4], [0, 0, 0, 100])], view('y', 'float32', [1, 4]));
const SUMS = [11, 22, 33, 144];

describe('weights outside of the model are found', () => {
  test('in one file beside it', async () => {
    const at = workspace();
    writeFileSync(at('model.onnx'), together('model.onnx.data'));
    writeFileSync(at('model.onnx.data'), BOTH);
    expect(await sums(await open(at('model.onnx')))).toEqual(SUMS);
    expect(await modelFiles('onnx', at('model.onnx'))).toEqual([at('model.onnx'), at('model.onnx.data')]);
  });

  test('in several, in a folder below, without their lengths', async () => {
    const at = workspace();
    mkdirSync(at('weights'));
    writeFileSync(at('model.onnx'), model({ location: 'weights/b.bin' }, { location: 'a.bin' }));
    writeFileSync(at('weights/b.bin'), raw(B));
    writeFileSync(at('a.bin'), raw(A));
    expect(await sums(await open(at('model.onnx')))).toEqual(SUMS);
    expect(await modelFiles('onnx', at('model.onnx'))).toEqual([
      at('model.onnx'),
      at('a.bin'),
      at('weights/b.bin'),
    ]);
  });

  test('behind links, as caches of models have them', async () => {
    const at = workspace();
    for (const folder of ['blobs', 'snapshot']) mkdirSync(at(folder));
    writeFileSync(at('blobs/1'), together('weights.bin'));
    writeFileSync(at('blobs/2'), BOTH);
    symlinkSync('../blobs/1', at('snapshot/model.onnx'));
    symlinkSync('../blobs/2', at('snapshot/weights.bin'));
    expect(await sums(await open(at('snapshot/model.onnx')))).toEqual(SUMS);
    expect(await modelFiles('onnx', at('snapshot/model.onnx'))).toHaveLength(2);
  });

  test('in a branch of the graph', async () => {
    const at = workspace();
    const branch = (name: string, location: string) => ({
      nodes: [add('x', 'sum', name)],
      inputs: [],
      outputs: [{ ...Y, name: 'sum' }],
      weights: [weight(name, { location })],
    });
    const attributes = { then_branch: branch('a', 'a.bin'), else_branch: branch('b', 'b.bin') };
    writeFileSync(
      at('model.onnx'),
      onnxGraph({
        nodes: [{ operator: 'If', inputs: ['yes'], outputs: ['y'], attributes }],
        inputs: [X, { name: 'yes', type: OnnxType.bool, dims: [1] }],
        outputs: [Y],
      }),
    );
    writeFileSync(at('a.bin'), raw(A));
    writeFileSync(at('b.bin'), raw(B));
    expect(await modelFiles('onnx', at('model.onnx'))).toHaveLength(3);
    const session = await open(at('model.onnx'));
    const inputs = (yes: number) => [view('x', 'float32', [1, 4]), view('yes', 'bool', [1], [yes])];
    expect(await outputOf(session, inputs(1), view('y', 'float32', [1, 4]))).toEqual([...A]);
    expect(await outputOf(session, inputs(0), view('y', 'float32', [1, 4]))).toEqual([...B]);
  });
});

test('weights within are stepped over, however large they are', async () => {
  const at = workspace();
  const HOLE = 8 * 2 ** 30;
  // The graph's first tensor is all hole; behind it comes the rest of the graph.
  const rest = innerOf(together('weights.bin'));
  const tensor = Buffer.concat([Buffer.of(9 * 8 + 2), varint(HOLE)]);
  const head = Buffer.concat([Buffer.of(5 * 8 + 2), varint(tensor.length + HOLE), tensor]);
  const start = Buffer.concat([Buffer.of(7 * 8 + 2), varint(head.length + HOLE + rest.length), head]);
  const file = openSync(at('model.onnx'), 'w');
  writeSync(file, start, 0, start.length, 0);
  writeSync(file, rest, 0, rest.length, start.length + HOLE);
  closeSync(file);
  writeFileSync(at('weights.bin'), BOTH);
  expect(await modelFiles('onnx', at('model.onnx'))).toEqual([at('model.onnx'), at('weights.bin')]);
});

/** The graph of a model, whose length takes two bytes. */
function innerOf(model: Uint8Array): Buffer {
  const bytes = Buffer.from(model);
  const at = bytes.indexOf(7 * 8 + 2) + 1;
  const length = ((bytes[at] as number) & 127) + 128 * (bytes[at + 1] as number);
  return bytes.subarray(at + 2, at + 2 + length);
}

describe('weights that can not be read are one sentence with the name of their file', () => {
  test('a file that is missing', async () => {
    const at = workspace();
    writeFileSync(at('model.onnx'), together('weights.bin'));
    const error = await failureOf(open(at('model.onnx')));
    expect(error).toBeInstanceOf(StorageError);
    expect(error.message).toContain(
      `${at('weights.bin')}: can't be opened, and ${at('model.onnx')} keeps weights in it: ENOENT`,
    );
    await expect(modelFiles('onnx', at('model.onnx'))).rejects.toThrow(error.message);
  });

  test('a folder in its place', async () => {
    const at = workspace();
    writeFileSync(at('model.onnx'), together('weights.bin'));
    mkdirSync(at('weights.bin'));
    const error = await failureOf(open(at('model.onnx')));
    expect(error.message).toBe(
      `${at('weights.bin')}: is not a file, and ${at('model.onnx')} keeps weights in it`,
    );
  });

  test.each([true, false])('a file that was cut short, with lengths in the model: %s', async (lengths) => {
    const at = workspace();
    const location = 'weights.bin';
    const length = lengths ? { length: BYTES } : {};
    writeFileSync(at('model.onnx'), model({ location, ...length }, { location, offset: BYTES, ...length }));
    writeFileSync(at(location), BOTH);
    truncateSync(at(location), 2 * BYTES - 1);
    const error = await failureOf(open(at('model.onnx')));
    expect(error).toBeInstanceOf(StorageError);
    expect(error.message).toBe(
      `${at(location)}: has 31 bytes, and ${at('model.onnx')} has b in it up to byte 32`,
    );
  });
});

describe('weights outside of the folder of the model are not read', () => {
  test.each([
    ['a path upwards', '../weights.bin'],
    ['one that comes from below', 'sub/../../weights.bin'],
    ['an absolute path', '/etc/hostname'],
    ['the folder itself', '.'],
    ['no name', ''],
  ])('%s', async (_, location) => {
    const at = workspace();
    mkdirSync(at('model'));
    mkdirSync(at('model/sub'));
    writeFileSync(at('weights.bin'), BOTH);
    writeFileSync(at('model/model.onnx'), together(location));
    const error = await failureOf(open(at('model/model.onnx')));
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toBe(
      `${at('model/model.onnx')}: keeps weights in ${JSON.stringify(location)}, which is outside of its folder, and that is not read`,
    );
    await expect(modelFiles('onnx', at('model/model.onnx'))).rejects.toThrow('outside of its folder');
  });

  test('a link that leads out of it', async () => {
    const at = workspace();
    mkdirSync(at('model'));
    writeFileSync(at('weights.bin'), BOTH);
    symlinkSync('../weights.bin', at('model/weights.bin'));
    writeFileSync(at('model/model.onnx'), together('weights.bin'));
    await expect(open(at('model/model.onnx'))).rejects.toThrow(
      'keeps weights in "weights.bin", which is outside',
    );
    renameSync(at('model/model.onnx'), at('model.onnx'));
    expect(await sums(await open(at('model.onnx')))).toEqual(SUMS);
  });
});

describe('what is no model has no weights elsewhere, and is refused by ONNX Runtime', () => {
  const whole = together('weights.bin');
  test.each([
    ['text', Buffer.from('not a model')],
    ['one cut short', whole.subarray(0, whole.length - 40)],
    ['a length without an end', Buffer.alloc(64, 0xff)],
    ['graphs in graphs without an end', nested(2000)],
  ])('%s', async (_, bytes) => {
    const at = workspace();
    writeFileSync(at('model.onnx'), bytes);
    expect(await modelFiles('onnx', at('model.onnx'))).toEqual([at('model.onnx')]);
    await expect(open(at('model.onnx'))).rejects.toThrow(
      `${at('model.onnx')}: is no model that ONNX Runtime can load`,
    );
  });
});

/** Nodes with an attribute that is a graph, one in another. */
function nested(depth: number): Buffer {
  let bytes = Buffer.alloc(0);
  for (let level = 0; level < depth; level++) {
    for (const field of [6, 5, 1])
      bytes = Buffer.concat([Buffer.of(field * 8 + 2), varint(bytes.length), bytes]);
  }
  return Buffer.concat([Buffer.of(7 * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const digits: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...digits, rest]);
    digits.push((rest % 128) + 128);
  }
}
