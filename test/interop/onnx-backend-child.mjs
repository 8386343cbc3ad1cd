// @ts-check
// Runs those of ONNX's tests that it is sent the names of, one after another: see onnx-backend.mjs. A test is a model, its
// inputs and the outputs that it should give.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { load } from '../../dist/session/onnx/load.js';
import { bytesOf as bytesIn, fieldsOf } from '../../dist/session/onnx/protobuf.js';
import { bytesOf, sizeOf, viewOf } from '../../dist/util/dtype.js';
import { messageOf } from '../../dist/util/errors.js';
import { halfToNumber } from '../../dist/util/half.js';

/** Of ONNX's own runner. */
const RELATIVE = 1e-3;
const ABSOLUTE = 1e-7;

/** By ONNX's numbers. */
const DTYPES = /** @type {const} */ ({
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
});
const STRING = 8;

/**
 * @typedef {import('../../dist/util/dtype.js').DType} DType
 * @typedef {import('../../dist/session/types.js').TensorView} TensorView
 * @typedef {{ type: number, dims: number[], raw: Uint8Array, texts: Buffer[] }} Stored a tensor as a .pb file has it
 */

/**
 * @param {string} file
 * @returns {Stored}
 */
function readTensor(file) {
  const buffer = readFileSync(file);
  /** @type {Stored} */
  const stored = { type: 0, dims: [], raw: new Uint8Array(), texts: [] };
  /** @type {number[]} */
  let numbers = [];
  for (const { number, value, start, end } of fieldsOf(bytesIn(buffer))) {
    const content = buffer.subarray(start, end);
    if (number === 1) stored.dims.push(...(value === undefined ? packed(content) : [value]));
    else if (number === 2) stored.type = value ?? 0;
    else if (number === 5) numbers = packed(content);
    else if (number === 6) stored.texts.push(content);
    else if (number === 9) stored.raw = Uint8Array.from(content);
    else if (number !== 8) throw new Error(`${file} has field ${number}, which this does not read`);
  }
  if (numbers.length > 0) {
    const data = viewOf(dtypeOf(stored), new ArrayBuffer(8 * numbers.length), 0, numbers.length);
    numbers.forEach((number, i) => {
      data[i] = number;
    });
    stored.raw = new Uint8Array(data.buffer, 0, data.byteLength);
  }
  return stored;
}

/**
 * The low 32 bits of numbers, seven bits a byte.
 * @param {Uint8Array} content
 */
function packed(content) {
  const numbers = [];
  let value = 0;
  let shift = 0;
  for (const byte of content) {
    if (shift < 32) value |= (byte & 127) << shift;
    shift += 7;
    if (byte >= 128) continue;
    numbers.push(value);
    value = shift = 0;
  }
  return numbers;
}

/**
 * @param {Stored} stored
 * @returns {DType}
 */
function dtypeOf({ type }) {
  const dtype = DTYPES[/** @type {keyof typeof DTYPES} */ (type)];
  if (dtype === undefined) throw new Error(`a test has data of type ${type}`);
  return dtype;
}

/**
 * A view in shared memory, as in a slot.
 * @param {string} name
 * @param {DType} dtype
 * @param {number[]} dims
 * @param {Uint8Array} [raw]
 */
function shared(name, dtype, dims, raw) {
  const length = sizeOf(dims);
  const memory = new SharedArrayBuffer(length * bytesOf(dtype));
  if (raw !== undefined) new Uint8Array(memory).set(raw);
  return { name, dtype, dims, data: viewOf(dtype, memory, 0, length) };
}

/**
 * Texts, each behind its length, as in a slot.
 * @param {string} name
 * @param {Stored} stored
 */
function sharedTexts(name, { dims, texts }) {
  const most = Math.max(0, ...texts.map(({ length }) => length));
  const view = shared(name, 'uint8', [...dims, 4 + most]);
  const bytes = Buffer.from(view.data.buffer);
  texts.forEach((text, i) => {
    bytes.writeUInt32LE(text.length, i * (4 + most));
    text.copy(bytes, i * (4 + most) + 4);
  });
  return { ...view, text: most };
}

/**
 * @param {TensorView} view
 * @param {Uint8Array} raw
 * @returns {string | undefined} the first element that is too far from what it should be
 */
function difference({ name, dtype, dims, data }, raw) {
  const wanted = viewOf(dtype, Uint8Array.from(raw).buffer, 0, data.length);
  const number = dtype === 'float16' ? halfToNumber : Number;
  for (let i = 0; i < data.length; i++) {
    const is = number(/** @type {number} */ (data[i]));
    const should = number(/** @type {number} */ (wanted[i]));
    if (is === should || (Number.isNaN(is) && Number.isNaN(should))) continue;
    if (Math.abs(is - should) <= ABSOLUTE + RELATIVE * Math.abs(should)) continue;
    return `${name} ${dtype} [${dims}]: element ${i} is ${is}, not ${should}`;
  }
  return undefined;
}

/**
 * What onnxruntime-node itself gives, without Penstock, in memory of its own.
 * @param {string} uri
 * @param {string[]} names
 * @param {Stored[]} inputs
 */
async function bare(uri, names, inputs) {
  const session = await ort.InferenceSession.create(uri);
  try {
    /** @type {Record<string, ort.Tensor>} */
    const feeds = {};
    for (const [i, stored] of inputs.entries()) {
      const { type, dims, raw, texts } = stored;
      const data =
        type === STRING ? texts.map(String) : viewOf(dtypeOf(stored), raw.slice().buffer, 0, sizeOf(dims));
      const dtype = type === STRING ? 'string' : dtypeOf(stored);
      const tensor = new ort.Tensor(/** @type {'float32'} */ (dtype), /** @type {any} */ (data), dims);
      // As the session does, for Nodes with a Float16Array.
      if (dtype === 'float16') Object.defineProperty(tensor, 'data', { value: data });
      feeds[names[i] ?? ''] = tensor;
    }
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

export const OTHERWISE = 'ONNX Runtime computes something else, and Penstock gives that to the bit';

/**
 * @param {string} folder
 * @returns {Promise<string>} why it did not pass; nothing where it did
 */
async function runTest(folder) {
  const uri = join(folder, 'model.onnx');
  const spec = {
    runtime: 'onnx',
    uri,
    providers: ['cpu'],
    deviceId: 0,
    options: {},
    intraOpNumThreads: 1,
    inputs: [],
  };
  const session = await load(spec);
  try {
    const odd = session.outputs.find(({ unsupported }) => unsupported !== undefined);
    if (odd !== undefined) return `an output is ${odd.unsupported}`;
    const read =
      (/** @type {string} */ set, /** @type {string} */ what) =>
      (/** @type {unknown} */ _, /** @type {number} */ i) =>
        readTensor(join(folder, set, `${what}_${i}.pb`));
    for (const set of readdirSync(folder).filter((name) => name.startsWith('test_data_set_'))) {
      const given = session.inputs.map(read(set, 'input'));
      const wanted = session.outputs.map(read(set, 'output'));
      const inputs = given.map((stored, i) => {
        const name = session.inputs[i]?.name ?? '';
        if (stored.type === STRING) return sharedTexts(name, stored);
        return shared(name, dtypeOf(stored), stored.dims, stored.raw);
      });
      const outputs = wanted.map((stored, i) =>
        shared(session.outputs[i]?.name ?? '', dtypeOf(stored), stored.dims),
      );
      // Twice over the same memory, as slots are used again.
      for (let run = 0; run < 2; run++) {
        for (const { data } of outputs) new Uint8Array(data.buffer).fill(0xa5);
        await session.run(inputs, outputs);
        for (const [i, view] of outputs.entries()) {
          const differs = difference(view, wanted[i]?.raw ?? new Uint8Array());
          if (differs === undefined) continue;
          const names = session.inputs.map(({ name }) => name);
          const theirs = (await bare(uri, names, given))[view.name]?.data;
          const raw =
            theirs &&
            new Uint8Array(
              /** @type {Uint8Array} */ (theirs).buffer,
              /** @type {Uint8Array} */ (theirs).byteOffset,
              /** @type {Uint8Array} */ (theirs).byteLength,
            );
          const ours = new Uint8Array(view.data.buffer, view.data.byteOffset, view.data.byteLength);
          return raw && Buffer.compare(raw, ours) === 0 ? OTHERWISE : differs;
        }
      }
    }
    return '';
  } finally {
    await session.close();
  }
}

const folder = process.argv[2] ?? '';
process.on('message', async (/** @type {string} */ name) => {
  const why = await runTest(join(folder, name)).catch(messageOf);
  process.send?.({ name, why });
});
