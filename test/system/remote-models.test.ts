import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { parseServeConfig, runJob, startServer } from 'penstock';
import { describe, expect, onTestFinished, test } from 'vitest';
import { penstock, repository } from '../cli/penstock.js';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';
import { additionGraph } from '../helpers/graph-model.js';
import { OnnxType, onnxGraph } from '../helpers/onnx.js';
import { S3_KEYS, s3Server, upload, withEnvironment } from '../helpers/s3.js';
import { readColumn, workspace } from '../helpers/workspace.js';

const DIGITS = `${repository}native-models/digits/digits.onnx`;
const IMAGES = `${repository}examples/digits/digits.arrow`;

/** An S3-compatible server that the environment names, with files in its bucket; and a cache of the test's own. */
async function inS3(...folders: readonly (readonly [folder: string, prefix: string])[]) {
  const at = workspace();
  const { endpoint } = await s3Server();
  withEnvironment({ ...S3_KEYS, AWS_ENDPOINT_URL: endpoint, PENSTOCK_CACHE: at('cache') });
  for (const [folder, prefix] of folders) await upload(endpoint, folder, prefix);
  return at;
}

/** The same, with the model of digits at s3://data/models/digits.onnx. */
function digitsInS3(...others: readonly (readonly [folder: string, prefix: string])[]) {
  const folder = workspace()('digits');
  mkdirSync(folder);
  copyFileSync(DIGITS, `${folder}/digits.onnx`);
  return inS3([folder, 'models/'], ...others);
}

const digitsJob = (uri: string, out: string, transform?: string) => ({
  source: { uri: IMAGES, limit: 200 },
  model: { uri },
  inputs: { image: { column: 'pixels', shape: [1, 28, 28], scale: 1 / 255 } },
  ...(transform !== undefined && { transform }),
  sink: { uri: out, keep: ['label'] },
});

/** Rows of lists that were written. */
const listsIn = async (out: string, column: string): Promise<number[][]> =>
  (await readColumn(out, column)).map((row) => [...(row as Iterable<number>)]);

const TRANSFORM = `
  import { createHash } from 'node:crypto';
  export const columns = ['label'];
  export default (batch) => ({
    label: [...batch.getChild('label')].map((label) => createHash('md5').update(String(label)).digest('hex')),
  });
`;

describe('a job whose model is in S3', () => {
  test('is the same job as with the model beside it', async () => {
    const scratch = workspace();
    mkdirSync(scratch('model'));
    const model = onnxGraph({
      nodes: [{ operator: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
      inputs: [{ name: 'x', type: OnnxType.float32, dims: ['batch', 3] }],
      outputs: [{ name: 'y', type: OnnxType.float32, dims: ['batch', 3] }],
      weights: [{ name: 'w', type: OnnxType.float32, dims: [3], data: { location: 'w.bin' } }],
    });
    writeFileSync(scratch('model/m.onnx'), model);
    writeFileSync(scratch('model/w.bin'), Float32Array.from([10, 20, 30]));
    writeArrow(scratch('a.arrow'), [[int32('id', [0, 1]), vectors('x', 3, [1, 2, 3, 4, 5, 6])]]);
    const at = await inS3([scratch('model'), 'add/']);
    const job = (uri: string) => ({
      source: { uri: scratch('a.arrow') },
      model: { uri },
      sink: { uri: at('out') },
    });
    const first = await runJob(job('s3://data/add/m.onnx'));
    expect(await listsIn(at('out'), 'y')).toEqual([
      [11, 22, 33],
      [14, 25, 36],
    ]);
    // It finds its output complete, and so do runs with the model where it was before.
    const second = await runJob(job(scratch('model/m.onnx')));
    expect(second.fingerprint).toBe(first.fingerprint);
    expect(second.rows.resumed).toBe(2);
  });

  test('runs a transform from there, in every thread, and both are kept', async () => {
    const scratch = workspace();
    mkdirSync(scratch('code'));
    writeFileSync(scratch('code/t.js'), TRANSFORM);
    writeFileSync(scratch('code/package.json'), '{ "type": "module" }');
    const at = await digitsInS3([scratch('code'), 'code/']);
    const job = digitsJob('s3://data/models/digits.onnx', at('remote'), 's3://data/code/t.js');
    const remote = await runJob({ ...job, producers: 2 });
    const local = await runJob(digitsJob(DIGITS, at('local'), scratch('code/t.js')));
    expect(remote.fingerprint).toBe(local.fingerprint);
    expect(remote.rows.written).toBe(200);
    expect(await readColumn(at('remote'), 'label')).toEqual(await readColumn(at('local'), 'label'));
    expect(await readColumn(at('remote'), 'logits')).toHaveLength(200);
    expect(readdirSync(at('cache/artifacts'))).toHaveLength(2);
  });

  test('of TensorFlow.js runs from its folder', async () => {
    const scratch = workspace();
    additionGraph(scratch('graph'));
    writeArrow(scratch('a.arrow'), [[vectors('x', 3, [1, 2, 3])]]);
    const at = await inS3([scratch('graph'), 'graph/']);
    await runJob({
      source: { uri: scratch('a.arrow') },
      model: { uri: 's3://data/graph', runtime: 'tensorflow', providers: ['wasm'] },
      sink: { uri: at('out') },
    });
    expect(await listsIn(at('out'), 'y')).toEqual([[11, 22, 33]]);
  });

  test('that is no model is an error that names where it is', async () => {
    const scratch = workspace();
    mkdirSync(scratch('bad'));
    writeFileSync(scratch('bad/m.onnx'), 'not at all');
    const at = await inS3([scratch('bad'), 'bad/']);
    const failure = await runJob(digitsJob('s3://data/bad/m.onnx', at('out'))).catch((error) => error);
    expect(failure).toMatchObject({
      code: 'DEVICE',
      message: expect.stringContaining('s3://data/bad/m.onnx'),
    });
    expect(failure.message).not.toContain(at('cache'));
  });
});

test('a server serves a model from S3', async () => {
  const at = await digitsInS3();
  const models = { digits: { model: { uri: 's3://data/models/digits.onnx' } } };
  const server = await startServer(parseServeConfig({ listen: { port: 0, grpcPort: null }, models }));
  onTestFinished(() => server.close());
  const data = Array.from({ length: 784 }, () => 0);
  const body = { inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 1, 28, 28], data }] };
  const answer = await fetch(`${server.url}/v2/models/digits/infer`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
  expect(readdirSync(at('cache/artifacts'))).toHaveLength(1);
});

test('penstock inspect looks into a model in S3, and names it so', async () => {
  await digitsInS3();
  const { code, stdout } = await penstock('inspect', 's3://data/models/digits.onnx', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ kind: 'model', uri: 's3://data/models/digits.onnx' });
});

test('penstock run tells of a model that is not there', async () => {
  const at = await digitsInS3();
  writeFileSync(at('job.json'), JSON.stringify(digitsJob('s3://data/models/none.onnx', at('out'))));
  const { code, stderr } = await penstock('run', at('job.json'));
  expect(code).toBe(1);
  expect(stderr).toContain('s3://data/models/none.onnx: no such object');
  expect(stderr).toContain('Check model.uri.');
});
