import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Field, List, makeVector, Utf8, vectorFromArray } from 'apache-arrow';
import { type JobInput, loadJob, PenstockError, runJob } from 'penstock';
import { describe, expect, onTestFinished, test } from 'vitest';
import { int32, list, vectors, writeArrow } from '../helpers/arrow.js';
import { readColumn, workspace } from '../helpers/workspace.js';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const DIGITS = `${repository}examples/digits/digits.arrow`;
const MODEL = `${repository}native-models/digits/digits.onnx`;

type At = (...names: string[]) => string;

function digitsJob(at: At, changes: Partial<JobInput> = {}): JobInput {
  return {
    name: 'bad',
    source: { uri: DIGITS },
    model: { uri: MODEL },
    inputs: { image: { column: 'pixels', scale: 1 / 255 } },
    sink: { uri: at('out'), keep: ['id'] },
    ...changes,
  };
}

/** The error that a job ends with; it must be one that Penstock understands. */
async function failureOf(job: JobInput, overwrite = false): Promise<PenstockError> {
  const error = await runJob(job, { overwrite }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof PenstockError)) throw error ?? new Error('the job did not fail');
  return error;
}

/** Nothing that could be taken for output. */
async function expectNoOutput(at: At): Promise<void> {
  const names = await readdir(at('out')).catch(() => []);
  expect(names.filter((name) => !name.startsWith('_manifest'))).toEqual([]);
}

describe('a source that is not what it should be', () => {
  test('no such file', async () => {
    const at = workspace();
    const error = await failureOf(digitsJob(at, { source: { uri: at('absent.arrow') } }));
    expect(error.message).toBe(`${at('absent.arrow')}: no such file or directory`);
    expect(error.exitCode).toBe(1);
    await expectNoOutput(at);
  });

  test('a directory and a glob without files', async () => {
    const at = workspace();
    await mkdir(at('empty'));
    const empty = await failureOf(digitsJob(at, { source: { uri: at('empty') } }));
    expect(empty.message).toBe(`${at('empty')}: the directory holds no data files`);
    const glob = await failureOf(digitsJob(at, { source: { uri: at('*.arrow') } }));
    expect(glob.message).toBe(`${at('*.arrow')}: no file matches`);
  });

  test('an empty file', async () => {
    const at = workspace();
    writeFileSync(at('empty.arrow'), '');
    const error = await failureOf(digitsJob(at, { source: { uri: at('empty.arrow') } }));
    expect(error.message).toBe(
      `${at('empty.arrow')}: the file is empty; expected an Arrow or a Parquet file`,
    );
    expect(error.exitCode).toBe(1);
  });

  test('a file of another kind', async () => {
    const at = workspace();
    writeFileSync(at('data.arrow'), 'id,label\n1,2\n');
    const error = await failureOf(digitsJob(at, { source: { uri: at('data.arrow') } }));
    expect(error.message).toBe(`${at('data.arrow')}: is a CSV file; expected an Arrow or a Parquet file`);
    expect(error.hint).toContain(`"COPY (FROM read_csv('${at('data.arrow')}')) TO '${at('data.parquet')}'"`);
  });

  test('a folder that holds other files beside the data: how to name the data alone is said', async () => {
    const at = workspace();
    await mkdir(at('data'));
    writeFileSync(at('data', 'README'), 'where it comes from');
    writeArrow(at('data', 'a.arrow'), [[int32('id', [0])]]);
    const error = await failureOf(digitsJob(at, { source: { uri: at('data') } }));
    expect(error.message).toBe(
      `${at('data', 'README')}: begins with "where it"; expected an Arrow or a Parquet file`,
    );
    expect(error.hint).toContain('with a glob');
  });

  test('what Git LFS leaves in place of a file, as data and as a model', async () => {
    const at = workspace();
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 132\n`;
    for (const name of ['data.parquet', 'model.onnx']) writeFileSync(at(name), pointer);
    const data = await failureOf(digitsJob(at, { source: { uri: at('data.parquet') } }));
    expect(data.message).toContain(`${at('data.parquet')}: is a Git LFS pointer, not the file itself`);
    const model = await failureOf(digitsJob(at, { model: { uri: at('model.onnx') } }));
    expect(model.message).toContain(`${at('model.onnx')}: is a Git LFS pointer, not the file itself`);
    for (const { hint } of [data, model]) expect(hint).toContain('git lfs pull');
  });

  test.each([0.1, 0.5, 0.99])('a file cut off at %d of its length', async (share) => {
    const at = workspace();
    const whole = readFileSync(DIGITS);
    writeFileSync(at('cut.arrow'), whole.subarray(0, Math.floor(whole.length * share)));
    const error = await failureOf(digitsJob(at, { source: { uri: at('cut.arrow') } }));
    expect(error.message).toContain(`${at('cut.arrow')}: is truncated`);
    expect(error.exitCode).toBe(1);
    await expectNoOutput(at);
  });

  test('a footer that points outside of the file', async () => {
    const at = workspace();
    const whole = Buffer.from(readFileSync(DIGITS));
    whole.writeInt32LE(whole.length * 2, whole.length - 10);
    writeFileSync(at('footer.arrow'), whole);
    const error = await failureOf(digitsJob(at, { source: { uri: at('footer.arrow') } }));
    expect(error.message).toMatch(/is damaged: its footer claims \d+ bytes of a file of \d+/);
  });

  test('a row that is null where the tensor has no place for it: file, row and column are named', async () => {
    const at = workspace();
    const values = vectorFromArray([1, 2, null, 4], makeVector(new Float32Array(1)).type).data[0];
    if (values === undefined) throw new Error('no data');
    const good = [int32('id', [0, 1, 2]), vectors('x', 1, [1, 2, 3])];
    writeArrow(at('nulls.arrow'), [good, [int32('id', [3, 4, 5, 6]), list('x', 1, values)]]);
    const error = await failureOf(
      digitsJob(at, {
        source: { uri: at('nulls.arrow') },
        model: { runtime: 'simulated' },
        inputs: { x: { shape: [1] } },
      }),
    );
    expect(error.message).toBe(
      `${at('nulls.arrow')}: row 5, column "x": is null, and a tensor has no place for nulls`,
    );
    expect(error.exitCode).toBe(1);
    await expectNoOutput(at);
  });

  test('a row of another length than the tensor takes', async () => {
    const at = workspace();
    const type = new List(
      new Field('item', vectors('x', 1, [0]).data.children[0]?.type ?? new Utf8(), false),
    );
    const data = vectorFromArray([[1, 2], [3, 4], [5]], type as never).data[0];
    if (data === undefined) throw new Error('no data');
    writeArrow(at('ragged.arrow'), [[{ name: 'x', data }]]);
    const error = await failureOf({
      source: { uri: at('ragged.arrow') },
      model: { runtime: 'simulated' },
      inputs: { x: { shape: [2] } },
      sink: { format: 'none' },
    });
    expect(error.message).toBe(`${at('ragged.arrow')}: row 2, column "x": has 1 values; the tensor takes 2`);
  });
});

describe('a job that does not fit its data or model', () => {
  test('a column that is not there: which are is said', async () => {
    const at = workspace();
    const error = await failureOf(digitsJob(at, { inputs: { image: { column: 'pixel' } } }));
    expect(error.message).toBe(
      'inputs.image.column: the source has no column "pixel"; its columns are id, label, pixels',
    );
    expect(error.exitCode).toBe(2);
    const kept = await failureOf(digitsJob(at, { sink: { uri: at('out'), keep: ['ident'] } }));
    expect(kept.message).toBe(
      `sink.keep: ${DIGITS} has no column "ident"; its columns are id, label, pixels`,
    );
    await expectNoOutput(at);
  });

  test('a column whose width does not fit: both are said', async () => {
    const at = workspace();
    writeArrow(at('narrow.arrow'), [[vectors('pixels', 4, [1, 2, 3, 4])]]);
    const error = await failureOf(
      digitsJob(at, { source: { uri: at('narrow.arrow') }, sink: { uri: at('out') } }),
    );
    expect(error.message).toBe(
      `column "pixels" (FixedSizeList[4]<Float32>) of ${at('narrow.arrow')} does not fit input image ` +
        '(a row is float32 [1, 28, 28]): it has 4 values a row, and the tensor takes 784',
    );
    expect(error.exitCode).toBe(2);
  });

  test('a column whose type does not fit: both are said', async () => {
    const at = workspace();
    const [data] = vectorFromArray(['a', 'b'], new Utf8()).data;
    if (data === undefined) throw new Error('no data');
    writeArrow(at('text.arrow'), [[{ name: 'pixels', data }]]);
    const error = await failureOf(
      digitsJob(at, { source: { uri: at('text.arrow') }, sink: { uri: at('out') } }),
    );
    expect(error.message).toContain('column "pixels" (Utf8)');
    expect(error.message).toContain('input image (a row is float32 [1, 28, 28]): it holds no numbers');
  });

  test('a value that does not fit the type of the tensor', async () => {
    const at = workspace();
    writeArrow(at('big.arrow'), [[int32('x', [1, 255, 256])]]);
    const error = await failureOf({
      source: { uri: at('big.arrow') },
      model: { runtime: 'simulated' },
      inputs: { x: { dtype: 'uint8', shape: [] } },
      sink: { format: 'none' },
    });
    expect(error.message).toBe(`${at('big.arrow')}: row 2, column "x": holds 256, which does not fit uint8`);
  });

  test('a model that is no model', async () => {
    const at = workspace();
    writeFileSync(at('model.onnx'), 'this is no model');
    const error = await failureOf(digitsJob(at, { model: { uri: at('model.onnx') } }));
    expect(error.message).toContain(`${at('model.onnx')}: is no model that ONNX Runtime can load`);
    expect(error.exitCode).toBe(1);
    const absent = await failureOf(digitsJob(at, { model: { uri: at('absent.onnx') } }));
    expect(absent.message).toContain(`${at('absent.onnx')}: the model can't be opened`);
    writeFileSync(at('empty.onnx'), '');
    const empty = await failureOf(digitsJob(at, { model: { uri: at('empty.onnx') } }));
    expect(empty.message).toBe(`${at('empty.onnx')}: is empty; expected an ONNX model`);
  });

  test('an input of the model that no column feeds', async () => {
    const at = workspace();
    const error = await failureOf(digitsJob(at, { inputs: {} }));
    expect(error.message).toBe(
      "no column feeds the model's input image (float32 [batch, 1, 28, 28]); the source's columns are id, label, pixels",
    );
    expect(error.explain()).toContain('inputs: { image: { column: id } }');
    expect(error.exitCode).toBe(2);
  });

  test('an input or output that the model does not have', async () => {
    const at = workspace();
    const input = await failureOf(digitsJob(at, { inputs: { picture: { column: 'pixels' } } }));
    expect(input.message).toBe('inputs.picture: the model has no such input; its inputs are image');
    const output = await failureOf(digitsJob(at, { outputs: { probabilities: { as: 'p' } } }));
    expect(output.message).toBe(
      'outputs.probabilities: the model has no such output; its outputs are logits',
    );
  });

  test('a ring that does not fit into its limit: the sum is done', async () => {
    const at = workspace();
    const error = await failureOf(digitsJob(at, { ring: { slots: 4, maxBytes: 100_000 } }));
    expect(error.message).toMatch(
      /the ring needs 4 slots × 0\.2 MiB \(64 rows each\) = 0\.8 MiB, more than its limit/,
    );
    expect(error.exitCode).toBe(2);
  });
});

describe('an output directory that is not free', () => {
  test('holds the output of another job: refused, and replaced only when asked to', async () => {
    const at = workspace();
    await runJob(digitsJob(at, { name: 'first' }));
    const before = await readdir(at('out'));
    const other = digitsJob(at, { name: 'second', sink: { uri: at('out'), keep: ['label'] } });
    const error = await failureOf(other);
    expect(error.message).toContain(`${at('out')}: holds the output of another job ("first"`);
    expect(error.explain()).toContain('--overwrite');
    expect(error.exitCode).toBe(2);
    expect(await readdir(at('out'))).toEqual(before);
    await runJob(other, { overwrite: true });
    expect(await readColumn(at('out'), 'label')).toHaveLength(2000);
  });

  test('holds files of somebody else: refused, and they survive --overwrite', async () => {
    const at = workspace();
    await mkdir(at('out'));
    writeFileSync(at('out', 'thesis.txt'), 'dear');
    const error = await failureOf(digitsJob(at));
    expect(error.message).toContain('is not empty, and no job of Penstock has written it (thesis.txt)');
    await runJob(digitsJob(at), { overwrite: true });
    expect(await readFile(at('out', 'thesis.txt'), 'utf8')).toBe('dear');
  });

  test('is in use by a run at this moment', async () => {
    const at = workspace();
    const started = deferred();
    const stop = new AbortController();
    const slow = digitsJob(at, {
      model: { runtime: 'simulated', options: { batchMicros: 400_000 } },
      inputs: { pixels: { shape: [784] } },
    });
    const first = runJob(slow, { signal: stop.signal, onProgress: () => started.resolve() });
    await started.promise;
    const error = await failureOf(slow);
    expect(error.message).toContain(`${at('out')}: is in use by another run (process ${process.pid}`);
    expect(error.exitCode).toBe(2);
    stop.abort();
    await expect(first).rejects.toThrow('interrupted');
    await runJob({ ...slow, model: { ...slow.model, options: { batchMicros: 0 } } }, { overwrite: true });
  });

  test('lies on a full disk: said, nothing half-written, and the job goes on once there is room', async (context) => {
    const at = workspace();
    await mkdir(at('disk'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', at('disk')]);
    context.skip(mounted.status !== 0, 'needs the right to mount a small tmpfs');
    onTestFinished(() => void execFileSync('umount', ['-l', at('disk')]));
    const job = digitsJob(at, { sink: { uri: at('disk', 'out'), keep: ['id'] } });
    const error = await failureOf(job);
    expect(error.message).toMatch(/part-\d+\.\w+: the disk is full$/);
    expect(error.exitCode).toBe(1);
    const left = await readdir(at('disk', 'out'));
    expect(left.filter((name) => name.endsWith('.tmp') || name === '_SUCCESS')).toEqual([]);
    execFileSync('mount', ['-o', 'remount,size=1m', at('disk')]);
    const report = await runJob(job);
    expect(report.rows.resumed).toBeGreaterThan(0);
    expect(report.rows.resumed + report.rows.written).toBe(2000);
    expect(await readColumn(at('disk', 'out'), 'id')).toEqual(Array.from({ length: 2000 }, (_, i) => i));
  });
});

test('a job file that is wrong in several places says so, a line each', async () => {
  const at = workspace();
  writeFileSync(
    at('job.yaml'),
    'source:\n  uri: x.arrow\nmodel: {uri: m.onnx}\nbatch:\n  sise: 3\n  maxDelayMs: soon\nsink: {uri: out}\n',
  );
  const error = await loadJob(at('job.yaml')).catch((thrown: unknown) => thrown);
  if (!(error instanceof PenstockError)) throw error;
  expect(error.message).toContain('job.yaml:5');
  expect(error.message).toContain('batch.size');
  expect(error.message).toContain('job.yaml:6');
  expect(error.exitCode).toBe(2);
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
