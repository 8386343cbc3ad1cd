// What the peers in Node share: the consumers that a loader is measured with, and the way from batches to written outputs.
// The same as ../python/harness.py, which tells what a peer is.
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as arrow from 'apache-arrow';

const ARRAYS = { float32: Float32Array, uint8: Uint8Array };

/**
 * `batches(case)` yields `{ data, rows, release? }`; `endToEnd(case)` returns `{ rows, seconds }` and stands in for a loop
 * over them where the peer has a way of its own.
 */
export async function main(batches, { endToEnd = (spec) => runModel(batches, spec), packages }) {
  const [casePath, resultPath] = process.argv.slice(2);
  const spec = JSON.parse(readFileSync(casePath, 'utf8'));
  const modes = { check, loader, 'end-to-end': (_, one) => endToEnd(one) };
  const result = await modes[spec.mode](batches, spec);
  const versions = Object.fromEntries(packages.map((name) => [name, versionOf(name)]));
  writeFileSync(
    resultPath,
    JSON.stringify({ ...result, versions: { node: process.versions.node, ...versions } }),
  );
}

function versionOf(name) {
  const path = new URL(`../../../node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')).version;
}

/** The sums of all columns: whether every row arrives once and whole. */
async function check(batches, spec) {
  let rows = 0;
  const sums = new Float64Array(spec.width);
  for await (const batch of batches(spec)) {
    for (let row = 0; row < batch.rows; row++) {
      for (let i = 0; i < spec.width; i++) sums[i] += batch.data[row * spec.width + i];
    }
    rows += batch.rows;
    batch.release?.();
  }
  return { rows, columnSums: [...sums] };
}

async function loader(batches, spec) {
  const staging = new ARRAYS[spec.dtype](spec.size * spec.width);
  // As a device's driver reads a batch that it sends to the device.
  const copy = ({ data }) => staging.set(data);
  const work = new Work(spec.workSeconds);
  return {
    touch: await measure(batches, spec, touch),
    copy: await measure(batches, spec, copy),
    work: { ...(await measure(batches, spec, (batch) => work.do(batch))), busy: work.share() },
  };
}

function touch({ data }) {
  return data[0];
}

/** A device that takes a fixed time for a batch and needs no CPU; tells the share of the time in which it had one. */
class Work {
  #milliseconds;
  #spans = [];
  #never = new Int32Array(new SharedArrayBuffer(4));

  constructor(seconds) {
    this.#milliseconds = seconds * 1000;
  }

  do(batch) {
    touch(batch);
    const begin = performance.now();
    // The thread sleeps, as it does inside a run of onnxruntime-node.
    Atomics.wait(this.#never, 0, 0, this.#milliseconds);
    this.#spans.push([begin, performance.now()]);
  }

  share() {
    // The first half belongs to the start: queues are full then.
    const spans = this.#spans.slice(Math.floor(this.#spans.length / 2));
    const busy = spans.slice(1).reduce((sum, [begin, end]) => sum + end - begin, 0);
    return busy / (spans.at(-1)[1] - spans[0][1]);
  }
}

/**
 * Rows a second from the first batch after `settleSeconds` on, for `seconds` or to the end of the data; from the very first
 * on where the data is over before.
 */
async function measure(batches, spec, consume) {
  const { settleSeconds, seconds } = spec;
  const opened = performance.now();
  let [first, started, at, rows, allRows] = [0, 0, 0, 0, 0];
  for await (const batch of batches(spec)) {
    consume(batch);
    at = performance.now();
    if (first > 0) allRows += batch.rows;
    else first = at;
    if (started > 0) rows += batch.rows;
    else if (at - first >= settleSeconds * 1000) started = at;
    batch.release?.();
    if (started > 0 && at - started >= seconds * 1000) break;
  }
  const rate = rows > 0 ? rows / (at - started) : allRows / (at - first);
  return { rowsPerSecond: rate * 1000, firstBatchSeconds: (first - opened) / 1000 };
}

/** Every batch through the model, its outputs into one Arrow IPC file. */
async function runModel(batches, spec) {
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const startedAt = performance.now();
  const session = await InferenceSession.create(spec.model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: spec.threads,
    interOpNumThreads: 1,
  });
  const [feed] = session.inputMetadata;
  const shape = feed.shape.slice(1);
  const [output] = session.outputMetadata;
  const writer = new arrow.RecordBatchFileWriter({ autoDestroy: true });
  const written = pipeline(writer.toNodeStream(), createWriteStream(join(spec.output, '000.arrow')));
  let rows = 0;
  for await (const batch of batches(spec)) {
    const input = new Tensor('float32', batch.data, [batch.rows, ...shape]);
    const results = await session.run({ [feed.name]: input });
    batch.release?.();
    writer.write(recordBatch(results[output.name].data, output.shape[1]));
    rows += batch.rows;
  }
  writer.finish();
  await written;
  return { rows, seconds: (performance.now() - startedAt) / 1000 };
}

function recordBatch(data, width) {
  const child = arrow.makeData({ type: new arrow.Float32(), length: data.length, nullCount: 0, data });
  const type = new arrow.FixedSizeList(width, new arrow.Field('item', child.type, false));
  const column = arrow.makeData({ type, length: data.length / width, nullCount: 0, child });
  const schema = new arrow.Schema([new arrow.Field('y', type, false)]);
  const children = [column];
  const struct = arrow.makeData({
    type: new arrow.Struct(schema.fields),
    length: column.length,
    nullCount: 0,
    children,
  });
  return new arrow.RecordBatch(schema, struct);
}
