import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as arrow from 'apache-arrow';
import { type JobInput, PenstockError, runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { type ColumnData, int32, vectors, writeArrow } from '../helpers/arrow.js';
import { random } from '../helpers/random.js';
import { readColumn, workspace } from '../helpers/workspace.js';

type At = (...names: string[]) => string;

const column = (name: string, type: arrow.DataType, values: unknown[]): ColumnData => ({
  name,
  data: arrow.vectorFromArray(values, type).data[0] as arrow.Data,
});

/** 300 rows in six record batches; rows 7 and 120 are null, 121 is too short, 260 is too large for a byte. */
const BAD = new Map([
  [7, 'is null, and a tensor has no place for nulls'],
  [120, 'is null, and a tensor has no place for nulls'],
  [121, 'has 1 values; the tensor takes 2'],
  [260, 'holds 300, which does not fit uint8'],
]);
const IDS = Array.from({ length: 300 }, (_, i) => i);
const GOOD = IDS.filter((id) => !BAD.has(id));

function writeRows(path: string): void {
  const pair = (id: number): unknown => {
    if (id === 7 || id === 120) return null;
    if (id === 121) return [1];
    return [id % 200, id === 260 ? 300 : 1];
  };
  const type = new arrow.List(new arrow.Field('item', new arrow.Int32(), true));
  const batches = Array.from({ length: 6 }, (_, b) => {
    const ids = IDS.slice(b * 50, b * 50 + 50);
    return [
      int32('id', ids),
      column(
        'name',
        new arrow.Utf8(),
        ids.map((id) => `row ${id}`),
      ),
      column('x', type, ids.map(pair)),
    ];
  });
  writeArrow(path, batches);
}

function jobOf(at: At, maxRows: number, changes: Partial<JobInput> = {}): JobInput {
  if (!existsSync(at('data.arrow'))) writeRows(at('data.arrow'));
  return {
    name: 'letters',
    source: { uri: at('data.arrow') },
    model: { runtime: 'simulated' },
    inputs: { x: { dtype: 'uint8', shape: [2] } },
    batch: { size: 16 },
    producers: 2,
    sink: { uri: at('out'), keep: ['id', 'name'] },
    errors: { maxRows },
    ...changes,
  };
}

interface Letter {
  readonly file: string;
  readonly split: number;
  readonly row: number;
  readonly column: string | null;
  readonly reason: string;
  readonly values: Record<string, unknown>;
}

function lettersIn(at: At): Letter[] {
  const folder = at('out', '_dead_letters');
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).sort();
  for (const name of names) expect(name).toMatch(/^part-\d{5}\.jsonl$/);
  return names.flatMap((name) =>
    readFileSync(at('out', '_dead_letters', name), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Letter),
  );
}

async function failureOf(job: JobInput): Promise<PenstockError> {
  const error = await runJob(job).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof PenstockError)) throw error ?? new Error('the job did not fail');
  return error;
}

describe('bad rows within errors.maxRows', () => {
  test.each(['any', 'fixed'] as const)(
    'go to the dead letters with their reason, and the others are written (order %s)',
    async (order) => {
      const at = workspace();
      const report = await runJob(jobOf(at, 4, { batch: { size: 16, order } }));
      expect(report.rows).toMatchObject({ read: 300, written: 296, deadLettered: 4, resumed: 0 });
      expect(await readColumn(at('out'), 'id')).toEqual(GOOD);
      expect(lettersIn(at)).toEqual(
        [...BAD].map(([row, reason]) => ({
          file: at('data.arrow'),
          split: 0,
          row,
          column: 'x',
          reason,
          values: { id: row, name: `row ${row}` },
        })),
      );
      expect(readdirSync(at('out'))).toContain('_SUCCESS');
    },
  );

  test('are told of by exit code 3, also when the job is found done', async () => {
    const { spawnSync } = await import('node:child_process');
    const { fileURLToPath } = await import('node:url');
    const at = workspace();
    writeFileSync(at('job.json'), JSON.stringify(jobOf(at, 4)));
    const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
    for (const resumed of [0, 296]) {
      const { status, stdout } = spawnSync(process.execPath, [main, 'run', at('job.json'), '--json'], {
        encoding: 'utf8',
      });
      expect(JSON.parse(stdout).rows).toMatchObject({ resumed, deadLettered: 4 });
      expect(status).toBe(3);
    }
  });

  test('that lie in columns beside one that is read straight into the slot', async () => {
    const at = workspace();
    const ids = Array.from({ length: 128 }, (_, i) => i);
    const wide = vectors(
      'x',
      256,
      ids.flatMap((id) => new Array(256).fill(id)),
    );
    const flag = column(
      'flag',
      new arrow.Int32(),
      ids.map((id) => (id % 5 === 2 ? null : id)),
    );
    writeArrow(at('data.arrow'), [[int32('id', ids), wide, flag]]);
    const inputs = { x: { shape: [256] }, flag: { dtype: 'float32', shape: [] } } as const;
    const report = await runJob(jobOf(at, 30, { inputs, sink: { uri: at('out'), keep: ['id'] } }));
    const bad = ids.filter((id) => id % 5 === 2);
    expect(report.rows).toMatchObject({ read: 128, written: 128 - bad.length, deadLettered: bad.length });
    const left = ids.filter((id) => id % 5 !== 2);
    expect(await readColumn(at('out'), 'id')).toEqual(left);
    // The simulated device's checksum of a row of 256 equal floats and one more.
    const sums = await readColumn(at('out'), 'checksum');
    expect(sums).toEqual(left.map((id) => id * 257));
  });

  test('that are too long for every bucket', async () => {
    const at = workspace();
    const ids = Array.from({ length: 40 }, (_, i) => i);
    const type = new arrow.List(new arrow.Field('item', new arrow.Int32(), true));
    const lists = ids.map((id) => new Array(id).fill(id));
    writeArrow(at('data.arrow'), [[int32('id', ids), column('t', type, lists)]]);
    const report = await runJob(
      jobOf(at, 10, {
        inputs: { t: { dtype: 'int32' } },
        batch: { size: 8, lengthColumn: 't', buckets: [16, 32] },
        sink: { uri: at('out'), keep: ['id'] },
      }),
    );
    expect(report.rows).toMatchObject({ read: 40, written: 33, deadLettered: 7 });
    expect(lettersIn(at)[0]).toMatchObject({
      row: 33,
      column: 't',
      reason: 'is 33 long; the longest of batch.buckets holds 32',
    });
  });
});

describe('a bad row more than errors.maxRows', () => {
  test('fails the job, which names it and where the others are, and goes on once more may be', async () => {
    const at = workspace();
    const error = await failureOf(jobOf(at, 3));
    expect(error.message).toBe(
      `${at('data.arrow')}: row 260, column "x": holds 300, which does not fit uint8: more bad rows than ` +
        `errors.maxRows, which is 3; it and those before it are in ${at('out', '_dead_letters')}`,
    );
    expect(error.exitCode).toBe(1);
    expect(lettersIn(at).map(({ row }) => row)).toEqual([...BAD.keys()]);
    expect(readdirSync(at('out'))).not.toContain('_SUCCESS');
    const report = await runJob(jobOf(at, 4));
    expect(report.rows.deadLettered).toBe(4);
    expect(await readColumn(at('out'), 'id')).toEqual(GOOD);
  });

  test('is counted over all files and over earlier runs', async () => {
    const at = workspace();
    const job = jobOf(at, 7, { source: { uri: at('data') } });
    mkdirSync(at('data'));
    writeRows(at('data', 'a.arrow'));
    writeRows(at('data', 'b.arrow'));
    const error = await failureOf(job);
    expect(error.message).toContain('more bad rows than errors.maxRows, which is 7');
    const report = await runJob({ ...job, errors: { maxRows: 8 } });
    expect(report.rows.deadLettered).toBe(8);
    expect(report.rows.written + report.rows.resumed).toBe(592);
    // Half of it made again: the letters of the other half still count.
    rmSync(at('out', '_SUCCESS'));
    rmSync(at('out', 'part-00001.arrow'));
    expect((await failureOf(job)).message).toContain('which is 7');
    expect((await runJob({ ...job, errors: { maxRows: 8 } })).rows).toMatchObject({
      resumed: 296,
      deadLettered: 8,
    });
    expect(lettersIn(at).map(({ split, row }) => [split, row])).toEqual(
      [0, 1].flatMap((split) => [...BAD.keys()].map((row) => [split, row])),
    );
  });

  test('at 0 is the first of all', async () => {
    const at = workspace();
    const error = await failureOf(jobOf(at, 0));
    expect(error.message).toBe(
      `${at('data.arrow')}: row 7, column "x": is null, and a tensor has no place for nulls`,
    );
    expect(lettersIn(at)).toEqual([]);
  });
});

describe('a transform that throws', () => {
  const module = (bad: readonly number[]): string => `
    const bad = new Set(${JSON.stringify(bad)});
    export default (batch, { keep }) => {
      const ids = batch.getChild('id').toArray();
      for (const id of ids) if (bad.has(id)) throw new Error('no ' + id);
      return { y: Float32Array.from(ids), [keep]: Array.from(ids, (id) => id % 10 !== 4) };
    };`;

  test('for some rows sends just those to the dead letters', async () => {
    const at = workspace();
    const seed = 20261124;
    const next = random(seed);
    const bad = [...new Set(Array.from({ length: 12 }, () => Math.floor(next() * 300)))].sort(
      (a, b) => a - b,
    );
    writeFileSync(at('transform.mjs'), module(bad));
    const job = jobOf(at, bad.length, { inputs: { y: { shape: [] } }, transform: at('transform.mjs') });
    const report = await runJob(job);
    const written = IDS.filter((id) => !bad.includes(id) && id % 10 !== 4);
    expect(report.rows).toMatchObject({ read: 300, written: written.length, deadLettered: bad.length });
    expect(await readColumn(at('out'), 'id')).toEqual(written);
    expect(await readColumn(at('out'), 'checksum')).toEqual(written);
    expect(lettersIn(at).map(({ row, column: at }) => [row, at])).toEqual(bad.map((row) => [row, null]));
    expect(lettersIn(at)[0]).toMatchObject({
      reason: `${at('transform.mjs')}: the transform failed: no ${bad[0]} (transform.mjs:5:52)`,
      values: { id: bad[0], name: `row ${bad[0]}` },
    });
  });

  test('for all rows fails the job, whatever errors.maxRows is', async () => {
    const at = workspace();
    writeFileSync(at('transform.mjs'), module(IDS));
    const job = jobOf(at, 20, { inputs: { y: { shape: [] } }, transform: at('transform.mjs') });
    expect((await failureOf(job)).message).toContain('the transform failed: no 0');
  });

  test('for every row of a record batch, where it makes lists, sends all of them there', async () => {
    const at = workspace();
    const second = IDS.filter((id) => id >= 50 && id < 100);
    writeFileSync(
      at('transform.mjs'),
      module(second).replace('Float32Array.from(ids)', 'Array.from(ids, (id) => Float32Array.of(id, 0))'),
    );
    const job = jobOf(at, 50, { inputs: { y: { shape: [2] } }, transform: at('transform.mjs') });
    const report = await runJob(job);
    expect(report.rows).toMatchObject({ read: 300, deadLettered: 50 });
    const written = IDS.filter((id) => !second.includes(id) && id % 10 !== 4);
    expect(await readColumn(at('out'), 'id')).toEqual(written);
  });

  test('after some rows of a split were taken: those that are left keep their places', async () => {
    const at = workspace();
    writeFileSync(at('transform.mjs'), module([0, 49, 50, 299]));
    const job = jobOf(at, 4, { inputs: { y: { shape: [] } }, transform: at('transform.mjs'), producers: 1 });
    await runJob(job);
    const written = IDS.filter((id) => ![0, 49, 50, 299].includes(id) && id % 10 !== 4);
    expect(await readColumn(at('out'), 'id')).toEqual(written);
    expect(await readColumn(at('out'), 'checksum')).toEqual(written);
  });
});

test.each(['any', 'fixed'] as const)(
  'a producer that dies in the middle: no row is lost, doubled or put aside twice (order %s)',
  async (order) => {
    const at = workspace();
    writeFileSync(
      at('transform.mjs'),
      `import { existsSync, writeFileSync } from 'node:fs';
      export default (batch, { keep }) => {
        const ids = batch.getChild('id').toArray();
        for (const death of [120, 230]) {
          const marker = ${JSON.stringify(at('died'))} + death;
          if (!ids.includes(death) || existsSync(marker)) continue;
          writeFileSync(marker, '');
          process.exit(9);
        }
        if (ids.includes(30) || ids.includes(170)) throw new Error('bad');
        return { y: Float32Array.from(ids), [keep]: Array.from(ids, (id) => id % 10 !== 4) };
      };`,
    );
    const job = jobOf(at, 2, {
      inputs: { y: { shape: [] } },
      transform: at('transform.mjs'),
      batch: { size: 16, order },
    });
    const report = await runJob(job);
    expect([existsSync(at('died120')), existsSync(at('died230'))]).toEqual([true, true]);
    const written = IDS.filter((id) => ![30, 170].includes(id) && id % 10 !== 4);
    expect(report.rows).toMatchObject({ read: 300, written: written.length, deadLettered: 2 });
    expect(await readColumn(at('out'), 'id')).toEqual(written);
    expect(await readColumn(at('out'), 'checksum')).toEqual(written);
    expect(lettersIn(at).map(({ row }) => row)).toEqual([30, 170]);
  },
);
