import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as arrow from 'apache-arrow';
import { type JobInput, PenstockError, type Report, runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { penstock, start } from '../cli/penstock.js';
import { type ColumnData, int32, vectors, writeArrow } from '../helpers/arrow.js';
import { OnnxType, onnxModel } from '../helpers/onnx.js';
import { readColumn, workspace } from '../helpers/workspace.js';

type At = (...names: string[]) => string;

const SESSION = fileURLToPath(new URL('./fixtures/failing-session.mjs', import.meta.url));
const ROWS = 400;
const IDS = Array.from({ length: ROWS }, (_, i) => i);

/** Ids and, as x, the id again, in eight record batches. */
function writeRows(at: At): string {
  if (existsSync(at('data.arrow'))) return at('data.arrow');
  const batches = Array.from({ length: 8 }, (_, b) => {
    const ids = IDS.slice(b * 50, b * 50 + 50);
    return [int32('id', ids), vectors('x', 1, ids)];
  });
  return writeArrow(at('data.arrow'), batches);
}

/** The same rows in eight files: as many parts. */
function writeFiles(at: At): string {
  mkdirSync(at('data'));
  for (let b = 0; b < 8; b++) {
    const ids = IDS.slice(b * 50, b * 50 + 50);
    writeArrow(at('data', `${b}.arrow`), [[int32('id', ids), vectors('x', 1, ids)]]);
  }
  return at('data');
}

function jobOf(at: At, options: object, changes: Partial<JobInput> = {}): JobInput {
  return {
    name: 'failing',
    source: { uri: writeRows(at) },
    model: { runtime: 'module', uri: SESSION, options: { ...options } },
    batch: { size: 32 },
    sink: { uri: at('out'), keep: ['id'] },
    ...changes,
  };
}

async function failureOf(job: JobInput): Promise<PenstockError> {
  const error = await runJob(job).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof PenstockError)) throw error ?? new Error('the job did not fail');
  return error;
}

function lettersIn(at: At): { row: number; reason: string; values: object; file: string; column: null }[] {
  return readdirSync(at('out', '_dead_letters'))
    .sort()
    .flatMap((name) =>
      readFileSync(at('out', '_dead_letters', name), 'utf8')
        .trim()
        .split('\n'),
    )
    .map((line) => JSON.parse(line));
}

async function expectWritten(at: At, ids: readonly number[]): Promise<void> {
  expect(await readColumn(at('out'), 'id')).toEqual(ids);
  const outputs = (await readColumn(at('out'), 'y')) as (Iterable<number> | number)[];
  expect(outputs.map((value) => (typeof value === 'number' ? value : Array.from(value)[0]))).toEqual(
    ids.map((id) => id * 2),
  );
}

describe('rows that the model rejects', () => {
  const rejects = [7, 8, 120, 399];
  const good = IDS.filter((id) => !rejects.includes(id));

  test.each([
    ['any', 'n', {}],
    ['fixed', 'n', {}],
    ['any', 32, {}],
    ['any', 'n', { filter: 'id >= 5' }],
  ] as const)(
    'go to the dead letters, and all others are written (order %s, batches of %s, source %o)',
    async (order, size, source) => {
      const at = workspace();
      const job = jobOf(at, { rejects, size }, { batch: { size: 32, order }, errors: { maxRows: 4 } });
      const first = 'filter' in source ? 5 : 0;
      const report = await runJob({ ...job, source: { ...job.source, ...source } });
      expect(report.rows).toMatchObject({ read: ROWS - first, written: ROWS - first - 4, deadLettered: 4 });
      await expectWritten(
        at,
        good.filter((id) => id >= first),
      );
      expect(lettersIn(at)).toEqual(
        rejects.map((row) => ({
          file: at('data.arrow'),
          split: expect.any(Number),
          row,
          column: null,
          reason: `the model rejects it: ${row} is out of bounds`,
          values: { id: row },
        })),
      );
    },
  );

  test('are told from those that a producer put aside before them', async () => {
    const at = workspace();
    const job = jobOf(at, { rejects: [8] }, { errors: { maxRows: 3 } });
    const item = new arrow.Field('item', new arrow.Float32(), true);
    const type = new arrow.FixedSizeList(1, item);
    const values = IDS.slice(0, 50).map((id) => (id === 3 || id === 20 ? null : [id]));
    // The column has nulls here.
    const x: ColumnData = { name: 'x', data: arrow.vectorFromArray(values, type).data[0] as arrow.Data };
    writeArrow(at('data.arrow'), [[int32('id', IDS.slice(0, 50)), x]]);
    const report = await runJob(job);
    expect(report.rows).toMatchObject({ read: 50, written: 47, deadLettered: 3 });
    expect(
      lettersIn(at).map(({ row, values: { id } }: { row: number; values: { id?: number } }) => [row, id]),
    ).toEqual([
      [3, 3],
      [8, 8],
      [20, 20],
    ]);
    await expectWritten(
      at,
      IDS.slice(0, 50).filter((id) => ![3, 8, 20].includes(id)),
    );
  });

  test('are an error that names file and row where none may be bad, and the job goes on once they are mended', async () => {
    const at = workspace();
    const error = await failureOf(jobOf(at, { rejects: [120] }));
    expect(error.message).toBe(`${at('data.arrow')}: row 120: the model rejects it: 120 is out of bounds`);
    expect(error.place).toMatchObject({ file: at('data.arrow'), row: 120 });
    expect(error.hint).toContain('errors.maxRows');
    const report = await runJob(jobOf(at, { rejects: [120] }, { errors: { maxRows: 1 } }));
    expect(report.rows.deadLettered).toBe(1);
  });

  test('one more than may be is an error, and their letters are left to be looked at', async () => {
    const at = workspace();
    const error = await failureOf(jobOf(at, { rejects }, { errors: { maxRows: 3 }, producers: 1 }));
    expect(error.message).toContain('more bad rows than errors.maxRows, which is 3');
    const rows = lettersIn(at).map(({ row }) => row);
    expect(rejects).toEqual(expect.arrayContaining(rows));
    expect(rows.length).toBeGreaterThanOrEqual(4);
  });

  test('are found in a real model of ONNX Runtime too', async () => {
    const at = workspace();
    // y = x[idx], which fails where idx is none of the four.
    const model = onnxModel({
      operator: 'GatherElements',
      attributes: { axis: 1 },
      inputs: [
        { name: 'x', type: OnnxType.float32, dims: ['n', 4] },
        { name: 'idx', type: OnnxType.int64, dims: ['n', 1] },
      ],
      outputs: [{ name: 'y', type: OnnxType.float32, dims: ['n', 1] }],
    });
    writeFileSync(at('model.onnx'), model);
    const ids = IDS.slice(0, 100);
    const four = ids.flatMap((id) => [id, id + 0.25, id + 0.5, id + 0.75]);
    const index = ids.map((id) => (id === 42 || id === 77 ? 9 : id % 4));
    writeArrow(at('data.arrow'), [[int32('id', ids), vectors('x', 4, four), int32('idx', index)]]);
    const report = await runJob({
      source: { uri: at('data.arrow') },
      model: { uri: at('model.onnx') },
      inputs: { idx: { column: 'idx', dtype: 'int64', shape: [1] } },
      batch: { size: 16 },
      sink: { uri: at('out'), keep: ['id'] },
      errors: { maxRows: 2 },
    });
    expect(report.rows).toMatchObject({ written: 98, deadLettered: 2 });
    expect(lettersIn(at).map(({ row }) => row)).toEqual([42, 77]);
    expect(lettersIn(at)[0]?.reason).toMatch(/Out of range value in index tensor/);
    const outputs = (await readColumn(at('out'), 'y')) as (Iterable<number> | number)[];
    expect(outputs.map((value) => (typeof value === 'number' ? value : Array.from(value)[0]))).toEqual(
      ids.filter((id) => index[id] !== 9).map((id) => id + (id % 4) * 0.25),
    );
  });
});

describe('a device', () => {
  test('that lacks memory for whole batches gets smaller ones for good, and the report says so', async () => {
    const at = workspace();
    const report = await runJob(jobOf(at, { mostRows: 10 }));
    expect(report.rows.written).toBe(ROWS);
    await expectWritten(at, IDS);
    expect(report.warnings).toEqual([
      expect.stringMatching(/^test:0: out of memory with batches of 32 rows .* 8 at most/),
    ]);
  });

  test('that lacks memory for one row is an error before anything is written', async () => {
    const at = workspace();
    const error = await failureOf(jobOf(at, { mostRows: 0 }));
    expect(error.message).toContain('test:0 has too little memory for a batch of one row');
  });

  test('that runs nothing any more is an error, and no row is put aside for it', async () => {
    const at = workspace();
    const error = await failureOf(jobOf(at, { breaksAt: 120 }, { errors: { maxRows: 400 }, producers: 1 }));
    expect(error.message).toBe(`${SESSION}: test:0 runs nothing any more: the device is lost`);
    expect(readdirSync(at('out'))).not.toContain('_dead_letters');
  });

  test('that hangs ends the job with an error, and the job goes on from there', async () => {
    const at = workspace();
    const options = { hangsAt: 399, once: at('hung') };
    const model = { runtime: 'module', uri: SESSION, runTimeoutMs: 400, options } as const;
    writeFileSync(at('job.json'), JSON.stringify(jobOf(at, {}, { model, source: { uri: writeFiles(at) } })));
    const { code, stdout, stderr } = await penstock('run', at('job.json'), '--json');
    expect(code).toBe(1);
    expect(stderr).toContain('a run of the model has not come back within 400 ms: the device hangs');
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'STUCK', key: 'model.runTimeoutMs' });
    await expectGoesOn(at);
  });
});

describe('a session', () => {
  test('that takes all memory of its thread is an error that says so', async () => {
    const at = workspace();
    writeFileSync(at('job.json'), JSON.stringify(jobOf(at, { leaksAt: 120 })));
    const env = { NODE_OPTIONS: '--max-old-space-size=100' };
    const { code, stderr } = await start(['run', at('job.json')], { env }).ended;
    expect(code).toBe(1);
    expect(stderr).toContain('the thread that runs the model is out of memory');
  });

  test('that crashes the process loses nothing: the same job goes on from there', async () => {
    const at = workspace();
    const job = jobOf(at, { crashesAt: 399, once: at('crashed') }, { source: { uri: writeFiles(at) } });
    writeFileSync(at('job.json'), JSON.stringify(job));
    const { signal } = await penstock('run', at('job.json'));
    expect(signal).toBe('SIGSEGV');
    await expectGoesOn(at);
  });
});

/** A second run of the job does what the first one has not. */
async function expectGoesOn(at: At): Promise<void> {
  const { code, stdout } = await penstock('run', at('job.json'), '--json');
  expect(code).toBe(0);
  const { rows } = JSON.parse(stdout) as Report;
  expect(rows.written + rows.resumed).toBe(ROWS);
  await expectWritten(at, IDS);
}
