import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type * as arrow from 'apache-arrow';
import { createLoader, type JobInput, PenstockError, runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';
import { readColumn, workspace } from '../helpers/workspace.js';

type At = (...names: string[]) => string;

/** Rows with an id and three numbers each, in record batches of 50. */
function writeRows(path: string, rows = 200): void {
  const batches = Array.from({ length: rows / 50 }, (_, b) => {
    const ids = Array.from({ length: 50 }, (_, i) => b * 50 + i);
    return [
      int32('id', ids),
      vectors(
        'x',
        3,
        ids.flatMap((id) => [id, id + 1, id + 2]),
      ),
    ];
  });
  writeArrow(path, batches);
}

function jobWith(at: At, module: string, changes: Partial<JobInput> = {}): JobInput {
  writeFileSync(at('transform.mjs'), module);
  writeRows(at('data.arrow'));
  return {
    name: 'transformed',
    source: { uri: at('data.arrow') },
    model: { runtime: 'simulated' },
    inputs: { y: { dtype: 'float32' } },
    transform: at('transform.mjs'),
    batch: { size: 16 },
    producers: 2,
    sink: { uri: at('out'), keep: ['id'] },
    ...changes,
  };
}

async function failureOf(work: Promise<unknown>): Promise<PenstockError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof PenstockError)) throw error ?? new Error('it did not fail');
  return error;
}

const ids = (rows = 200): number[] => Array.from({ length: rows }, (_, i) => i);

describe('columns that a transform returns', () => {
  const ways: [string, string][] = [
    ['a typed array', 'Float32Array.from(ids, (id) => id * 2)'],
    ['an array of numbers', 'Array.from(ids, (id) => id * 2)'],
    ['an Arrow vector', 'vectorFromArray(Array.from(ids, (id) => id * 2), new Float32())'],
    ['arrays of one number', 'Array.from(ids, (id) => [id * 2])'],
    ['typed arrays of one number', 'Array.from(ids, (id) => Int16Array.of(id * 2))'],
    ['a promise of them', 'await Promise.resolve(Float32Array.from(ids, (id) => id * 2))'],
  ];
  test('may be vectors of an apache-arrow of the transform’s own', async () => {
    const at = workspace();
    const module = `
      import { createRequire } from 'node:module';
      const { vectorFromArray, Float32, Dictionary, Utf8, Int8, Field, FixedSizeList } =
        createRequire(${JSON.stringify(import.meta.url)})('apache-arrow');
      export default (batch) => {
        const ids = [...batch.getChild('id')];
        return {
          y: vectorFromArray(ids.map((id) => id * 2), new Float32()),
          word: vectorFromArray(ids.map((id) => ['even', 'odd'][id % 2]), new Dictionary(new Utf8(), new Int8())),
          pair: vectorFromArray(ids.map((id) => [id, -id]), new FixedSizeList(2, new Field('item', new Float32()))),
        };
      };`;
    const job = jobWith(at, module, { sink: { uri: at('out'), keep: ['id', 'y', 'word', 'pair'] } });
    expect((await runJob(job)).rows).toMatchObject({ read: 200, written: 200, deadLettered: 0 });
    const columns = await Promise.all(['y', 'word', 'pair'].map((name) => readColumn(at('out'), name)));
    const rows = ids().map((id) => columns.map((column) => column[id]));
    expect(JSON.parse(JSON.stringify(rows))).toEqual(
      ids().map((id) => [id * 2, id % 2 === 0 ? 'even' : 'odd', [id, -id || 0]]),
    );
  });

  test.each(ways)('become tensors: %s', async (_, values) => {
    const at = workspace();
    const module = `
      import { vectorFromArray, Float32 } from ${JSON.stringify(import.meta.resolve('apache-arrow'))};
      export default async (batch) => {
        const ids = batch.getChild('id').toArray();
        return { y: ${values}, id: Int32Array.from(ids, (id) => id + 1000) };
      };`;
    const report = await runJob(jobWith(at, module));
    expect(report.rows).toMatchObject({ read: 200, written: 200, deadLettered: 0 });
    // What the simulated device gives for a row is the sum of its bytes.
    expect(await readColumn(at('out'), 'id')).toEqual(ids().map((id) => id + 1000));
    const seen: number[] = [];
    const loader = createLoader({
      source: at('data.arrow'),
      transform: at('transform.mjs'),
      inputs: { y: { dtype: 'float32' } },
      batch: { order: 'fixed' },
    });
    for await (const batch of loader) {
      seen.push(...Array.from(batch.tensors.y?.data as Float32Array));
      batch.release();
    }
    expect(seen).toEqual(ids().map((id) => id * 2));
  });

  test('may be text, lists of any length and nulls where they are only kept', async () => {
    const at = workspace();
    const module = `export default (batch) => {
      const ids = [...batch.getChild('id')];
      return {
        y: ids,
        name: ids.map((id) => (id % 3 === 0 ? null : 'row ' + id)),
        parts: ids.map((id) => Array.from({ length: id % 4 }, (_, i) => i)),
        keep: ids.map((id) => id % 2 === 0),
      };
    };`;
    await runJob(jobWith(at, module, { sink: { uri: at('out'), keep: ['name', 'parts', 'keep'] } }));
    expect(await readColumn(at('out'), 'name')).toEqual(
      ids().map((id) => (id % 3 === 0 ? null : `row ${id}`)),
    );
    const parts = (await readColumn(at('out'), 'parts')) as arrow.Vector[];
    expect(parts.map((part) => part.length)).toEqual(ids().map((id) => id % 4));
    // A column may have the name that other libraries give to the mask.
    expect(await readColumn(at('out'), 'keep')).toEqual(ids().map((id) => id % 2 === 0));
  });

  test('of variable length go to buckets', async () => {
    const at = workspace();
    const module = `export default (batch) => ({
      tokens: Array.from(batch.getChild('id'), (id) => Array.from({ length: 1 + (id % 7) }, () => id)),
    });`;
    jobWith(at, module);
    const loader = createLoader({
      source: at('data.arrow'),
      transform: at('transform.mjs'),
      inputs: { tokens: { dtype: 'int64', pad: -1 }, id: {} },
      batch: { size: 16, lengthColumn: 'tokens', buckets: [2, 4, 8] },
    });
    const lengths = new Map<number, number>();
    for await (const { rows, tensors, release } of wholeBatches(loader)) {
      const data = tensors.tokens?.data as BigInt64Array;
      const width = data.length / rows;
      for (let row = 0; row < rows; row++) {
        const tokens = data.subarray(row * width, (row + 1) * width);
        const id = Number(tokens[0]);
        expect(tensors.id?.data[row]).toBe(id);
        lengths.set(id, tokens.filter((token) => Number(token) === id).length);
        expect(tokens.filter((token) => token === -1n).length).toBe(width - 1 - (id % 7));
      }
      release();
    }
    expect(lengths.size).toBe(200);
    for (const [id, length] of lengths) expect(length).toBe(1 + (id % 7));
  });
});

async function* wholeBatches(loader: ReturnType<typeof createLoader>) {
  for await (const batch of loader) {
    yield { rows: batch.rows, tensors: batch.tensors, release: () => batch.release() };
  }
}

describe('a transform that drops rows', () => {
  const module = `export default (batch, { keep }) => {
    const ids = batch.getChild('id').toArray();
    return { y: Float32Array.from(ids), [keep]: Array.from(ids, (id) => id % 3 !== 1 && id < 150) };
  };`;
  const kept = ids().filter((id) => id % 3 !== 1 && id < 150);

  test.each(['any', 'fixed'] as const)(
    'leaves the others in order, and reads all (order %s)',
    async (order) => {
      const at = workspace();
      const report = await runJob(jobWith(at, module, { batch: { size: 16, order } }));
      expect(report.rows).toMatchObject({ read: 200, written: kept.length, deadLettered: 0 });
      expect(await readColumn(at('out'), 'id')).toEqual(kept);
    },
  );

  test('gives a loader the rows that are left, numbered without gaps', async () => {
    const at = workspace();
    jobWith(at, module);
    const rows: number[] = [];
    const numbers: number[] = [];
    const transform = pathToFileURL(at('transform.mjs'));
    const options = {
      source: at('data.arrow'),
      transform,
      inputs: { y: {} },
      batch: { order: 'fixed' },
    } as const;
    for await (const batch of createLoader(options)) {
      rows.push(...Array.from(batch.tensors.y?.data as Float64Array));
      numbers.push(...batch.ids.map(({ row }) => row));
      batch.release();
    }
    expect(rows).toEqual(kept);
    expect(numbers).toEqual(kept.map((_, i) => i));
  });
});

test('setup comes before the first record batch and teardown after the last, in each producer', async () => {
  const at = workspace();
  const module = `
    import { appendFileSync } from 'node:fs';
    const log = (line) => appendFileSync(${JSON.stringify(at('log'))}, line + '\\n');
    let ready = false;
    export const columns = ['id'];
    export async function setup({ producer, signal }) {
      await new Promise((resolve) => setImmediate(resolve));
      ready = true;
      log('setup ' + producer + ' ' + signal.aborted);
    }
    export default (batch, { file, split, columns, producer }) => {
      if (!ready) throw new Error('not set up');
      log('batch ' + [file.endsWith('data.arrow'), split, columns.join('+'), typeof producer]);
      return { y: batch.getChild('id').toArray() };
    };
    export const teardown = () => { ready = false; log('teardown'); };`;
  await runJob(jobWith(at, module));
  const { readFileSync } = await import('node:fs');
  const lines = readFileSync(at('log'), 'utf8').trim().split('\n');
  const count = (prefix: string): number => lines.filter((line) => line.startsWith(prefix)).length;
  // Two producers, and once before them to see what the columns are.
  expect(count('setup')).toBe(3);
  expect(count('teardown')).toBe(3);
  expect(lines).toContain('batch true,0,id,number');
  expect(count('batch true,')).toBe(count('batch'));
  expect(lines[0]).toBe('setup 0 false');
});

test('a transform that waits is not waited for once the job is stopped', async () => {
  const at = workspace();
  const module = `let batches = 0;
    export default async (batch, { signal }) => {
      if (++batches > 2) await new Promise(() => setInterval(() => {}, 1000));
      return { y: batch.getChild('id').toArray() };
    };`;
  const stop = new AbortController();
  const job = jobWith(at, module, {
    producers: 1,
    model: { runtime: 'simulated', options: { batchMicros: 1 } },
  });
  const running = runJob(job, { signal: stop.signal, onProgress: () => stop.abort() });
  expect((await failureOf(running)).message).toContain('interrupted');
});

describe('a transform that can not be run is refused with its path and reason', () => {
  const cases: [string, string, RegExp][] = [
    [
      'does not parse',
      'export default (batch => {',
      /transform\.mjs: can't be loaded: Unexpected end of input/,
    ],
    ['imports what is not there', "import 'nowhere-to-be-found';", /can't be loaded: .*nowhere-to-be-found/],
    ['throws when it is loaded', '\nthrow new Error("oh");', /can't be loaded: oh \(transform\.mjs:2:7\)/],
    ['has no default export', 'export const f = 1;', /has no default export; expected a function/],
    ['exports no function', 'export default 5;', /exports a number as default; expected a function/],
    [
      'fails in setup',
      'export default () => ({});\nexport const setup = () => { throw new Error("no model"); };',
      /its setup failed: no model \(transform\.mjs:2:\d+\)/,
    ],
    [
      'asks for a column that is not there',
      'export const columns = ["z"];\nexport default () => ({});',
      /asks for column "z"; the source's columns are id, x/,
    ],
  ];
  test.each(cases)('%s', async (_, module, message) => {
    const at = workspace();
    const error = await failureOf(runJob(jobWith(at, module)));
    expect(error.message).toMatch(/^transform: /);
    expect(error.message).toMatch(message);
    expect(error.exitCode).toBe(2);
  });

  test('is not there', async () => {
    const at = workspace();
    const job = { ...jobWith(at, ''), transform: at('absent.mjs') };
    expect((await failureOf(runJob(job))).message).toBe(
      `transform: ${at('absent.mjs')}: there is no such file`,
    );
  });

  test('and so is one over an iterable', async () => {
    const at = workspace();
    jobWith(at, 'export default () => ({})');
    const loader = createLoader({ source: [{ x: 1 }], transform: at('transform.mjs') });
    const error = await failureOf(loader[Symbol.asyncIterator]().next());
    expect(error.message).toContain('transform: runs over files');
  });
});

describe('what a transform returns that can not be columns', () => {
  const cases: [string, string, string][] = [
    ['nothing', 'undefined', 'it returned undefined; expected an object, column → values'],
    ['an array', '[1]', 'it returned a value of class Array; expected an object, column → values'],
    ['too few entries', '{ y: [1, 2] }', 'column "y" has 2 entries, expected 50: one for each row'],
    [
      'several values a row in one typed array',
      '{ y: new Float32Array(batch.numRows * 3) }',
      'column "y" has 150 entries, expected 50: one for each row; several values a row are an array of arrays, or a vector of fixed-size lists',
    ],
    [
      'a Map',
      '{ y: new Map() }',
      'column "y" is a value of class Map; expected a typed array, an Arrow vector or an array, with an entry for each of the 50 rows',
    ],
    [
      'objects',
      '{ y: Array.from({ length: batch.numRows }, () => ({ a: 1 })) }',
      'column "y" holds an object; expected numbers, booleans, text, or arrays of them',
    ],
    [
      'a mask of another length',
      '{ y: new Float32Array(batch.numRows), [keep]: [true] }',
      'which rows to keep has 1 entries; expected true or false for each of the 50 rows',
    ],
  ];
  test.each(cases)('%s', async (_, returned, message) => {
    const at = workspace();
    const error = await failureOf(runJob(jobWith(at, `export default (batch, { keep }) => (${returned});`)));
    expect(error.message).toBe(
      `${at('data.arrow')}: ${at('transform.mjs')}: what it returned can't be columns: ${message}`,
    );
    expect(error.exitCode).toBe(1);
  });

  test('a column of another type than for the first rows', async () => {
    const at = workspace();
    const module = `export default (batch) => ({
      y: batch.getChild('id').get(0) < 100 ? new Float32Array(batch.numRows) : new Int8Array(batch.numRows),
    });`;
    const error = await failureOf(runJob(jobWith(at, module)));
    expect(error.message).toContain('column "y" is Int8 here, and was Float32 for the first rows');
  });
});

test('a transform that throws is named with file, row, reason and line', async () => {
  const at = workspace();
  const module = `
    export default (batch) => {
      const ids = batch.getChild('id').toArray();
      if (ids.includes(137)) throw new RangeError('137 is no good');
      return { y: ids };
    };`;
  const error = await failureOf(runJob(jobWith(at, module)));
  expect(error.message).toBe(
    `${at('data.arrow')}: row 137: ${at('transform.mjs')}: the transform failed: 137 is no good (transform.mjs:4:36)`,
  );
  expect(error.exitCode).toBe(1);
  expect(error.place).toMatchObject({ file: at('data.arrow'), row: 137 });
});
