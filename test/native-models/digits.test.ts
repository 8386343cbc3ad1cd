import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { tableFromIPC } from 'apache-arrow';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { splitDigits } from '../../native-models/digits/data.mjs';
import { workspace } from '../helpers/workspace.js';

const CLASSES = 10;
const PIXELS = 28 * 28;
const ROWS = 2000;
const BATCH = 64;

const model = new URL('../../native-models/digits/', import.meta.url);
const dataset = new URL('../../examples/digits/digits.arrow', import.meta.url);

describe('the digits model, as it ships', () => {
  const rows = readRows();
  let session: InferenceSession;
  let logits: Float32Array;

  beforeAll(async () => {
    session = await InferenceSession.create(readFileSync(new URL('digits.onnx', model)));
    logits = await runOnnx(session, rows.images, BATCH);
  });

  it('takes any number of images and returns ten logits each', () => {
    expect(session.inputMetadata).toMatchObject([
      { name: 'image', type: 'float32', shape: ['batch', 1, 28, 28] },
    ]);
    expect(session.outputMetadata).toMatchObject([
      { name: 'logits', type: 'float32', shape: ['batch', CLASSES] },
    ]);
  });

  it('names at least 97.5 % of the held-out digits', () => {
    const right = rows.labels.filter((label, row) => label === largest(logitsOf(logits, row)));
    expect(right.length / ROWS).toBeGreaterThanOrEqual(0.975);
  });

  it('answers alike whatever the size of the batch', async () => {
    const few = rows.images.subarray(0, 100 * PIXELS);
    const alone = await runOnnx(session, few, 1);
    expect(largestDifference(alone, logits.subarray(0, alone.length))).toBeLessThan(1e-4);
  });

  it('has the same logits in TensorFlow.js for every row', async () => {
    expect(largestDifference(await runTensorflow(rows.images), logits)).toBeLessThan(1e-4);
  });

  it('has the same logits as a graph model', async () => {
    const layers = await runTensorflow(rows.images);
    expect(largestDifference(await runGraph(rows.images), layers)).toBeLessThan(1e-4);
  });
});

it('the graph model comes out of the layers model as it is here', () => {
  const folder = workspace();
  const program = fileURLToPath(new URL('graph.mjs', model));
  expect(spawnSync(process.execPath, [program, folder('m')], { encoding: 'utf8' }).stderr).toBe('');
  for (const name of ['model.json', 'weights.bin', 'shapes.bin'])
    expect(
      readFileSync(folder('m', name)).equals(readFileSync(new URL(`tfjs-graph/${name}`, model))),
      name,
    ).toBe(true);
});

describe('the dataset of examples/digits', () => {
  const rows = readRows();

  it('has 2,000 rows, numbered, in eight record batches', () => {
    expect(rows.recordBatches).toEqual(Array(8).fill(250));
    expect(rows.ids).toEqual(Array.from({ length: ROWS }, (_, row) => row));
  });

  it('holds the digits that training holds out, and none that it learns from', { timeout: 30_000 }, () => {
    const { training, heldOut } = splitDigits();
    const shipped = rows.pixels.map(fingerprint);
    expect(rows.labels).toEqual(heldOut.map((digit) => digit.label));
    expect(shipped).toEqual(heldOut.map((digit) => fingerprint(digit.pixels)));

    const learned = new Set(training.map((digit) => fingerprint(digit.pixels)));
    expect(learned.size).toBe(8000);
    expect(shipped.filter((image) => learned.has(image))).toEqual([]);
  });
});

function readRows() {
  const table = tableFromIPC(readFileSync(dataset));
  const bytes: Uint8Array = table.getChild('pixels')?.getChildAt(0)?.toArray();
  return {
    recordBatches: table.batches.map((batch) => batch.numRows),
    ids: [...(table.getChild('id')?.toArray() ?? [])],
    labels: [...(table.getChild('label')?.toArray() ?? [])],
    pixels: Array.from({ length: table.numRows }, (_, row) =>
      bytes.subarray(row * PIXELS, (row + 1) * PIXELS),
    ),
    images: Float32Array.from(bytes, (ink) => ink / 255),
  };
}

async function runOnnx(
  session: InferenceSession,
  images: Float32Array,
  batch: number,
): Promise<Float32Array> {
  const logits = new Float32Array((images.length / PIXELS) * CLASSES);
  for (let first = 0; first < images.length; first += batch * PIXELS) {
    const values = images.subarray(first, first + batch * PIXELS);
    const image = new Tensor('float32', values, [values.length / PIXELS, 1, 28, 28]);
    const outputs = await session.run({ image });
    logits.set(outputs.logits?.data as Float32Array, (first / PIXELS) * CLASSES);
  }
  return logits;
}

async function runTensorflow(images: Float32Array): Promise<Float32Array> {
  const require = createRequire(import.meta.url);
  setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
  expect(await tf.setBackend('wasm')).toBe(true);

  const { modelTopology, weightsManifest } = JSON.parse(
    readFileSync(new URL('tfjs/model.json', model), 'utf8'),
  );
  const [{ paths, weights: weightSpecs }] = weightsManifest;
  const weightData = Uint8Array.from(readFileSync(new URL(`tfjs/${paths[0]}`, model))).buffer;
  const layersModel = await loadLayersModel({
    load: async () => ({ modelTopology, weightSpecs, weightData }),
  });
  const input = tf.tensor4d(images, [images.length / PIXELS, 28, 28, 1]);
  return (layersModel.predict(input, { batchSize: BATCH }) as tf.Tensor).dataSync<'float32'>();
}

/** As any program would run it that knows TensorFlow.js and not Penstock. */
async function runGraph(images: Float32Array): Promise<Float32Array> {
  const folder = new URL('tfjs-graph/', model);
  const { modelTopology, signature, weightsManifest } = JSON.parse(
    readFileSync(new URL('model.json', folder), 'utf8'),
  );
  const groups = weightsManifest as { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[];
  const graphModel = await loadGraphModel({
    load: async () => ({
      modelTopology,
      signature,
      weightSpecs: groups.flatMap(({ weights }) => weights),
      weightData: groups.flatMap(({ paths }) =>
        paths.map((path) => Uint8Array.from(readFileSync(new URL(path, folder))).buffer),
      ),
    }),
  });
  const image = tf.tensor4d(images, [images.length / PIXELS, 28, 28, 1]);
  return (graphModel.predict({ image }) as tf.Tensor).dataSync<'float32'>();
}

function logitsOf(logits: Float32Array, row: number): Float32Array {
  return logits.subarray(row * CLASSES, (row + 1) * CLASSES);
}

function largest(scores: Float32Array): number {
  return scores.indexOf(Math.max(...scores));
}

function largestDifference(one: Float32Array, other: Float32Array): number {
  expect(one.length).toBe(other.length);
  return one.reduce(
    (most, value, index) => Math.max(most, Math.abs(value - (other[index] ?? Number.NaN))),
    0,
  );
}

function fingerprint(pixels: Uint8Array): string {
  return Buffer.from(pixels).toString('latin1');
}
