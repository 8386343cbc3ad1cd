import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { type Data, Float32, RecordBatch, tableFromArrays, vectorFromArray } from 'apache-arrow';
import { type Batch, createLoader, type LoaderOptions, PenstockError } from 'penstock';
import { describe, expect, test } from 'vitest';
import { float32, int32, vectors, writeArrow } from '../helpers/arrow.js';
import { random } from '../helpers/random.js';
import { workspace } from '../helpers/workspace.js';

const WIDTH = 4;

/** A file of `batches` record batches of `rows` rows: id, and a vector of its multiples. */
function writeRows(path: string, batches: number, rows: number): string {
  const ids = (b: number): number[] => Array.from({ length: rows }, (_, i) => b * rows + i);
  const vector = (id: number): number[] => Array.from({ length: WIDTH }, (_, k) => id * (k + 1));
  return writeArrow(
    path,
    Array.from({ length: batches }, (_, b) => [
      int32('id', ids(b)),
      vectors('x', WIDTH, ids(b).flatMap(vector)),
    ]),
  );
}

interface Seen {
  readonly ids: number[];
  readonly sizes: number[];
}

/** Reads a loader to its end; checks every vector against its id. */
async function readAll(options: LoaderOptions): Promise<Seen> {
  const seen: Seen = { ids: [], sizes: [] };
  for await (const batch of createLoader(options)) {
    const { id, x } = batch.tensors;
    expect(x?.dims).toEqual([batch.rows, WIDTH]);
    expect(x?.type).toBe('float32');
    for (let row = 0; row < batch.rows; row++) {
      const value = Number(id?.data[row]);
      seen.ids.push(value);
      expect(Array.from(x?.data.subarray(row * WIDTH, (row + 1) * WIDTH) ?? [], Number)).toEqual(
        Array.from({ length: WIDTH }, (_, k) => value * (k + 1)),
      );
    }
    seen.sizes.push(batch.rows);
    batch.release();
  }
  return seen;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

async function failureOf(
  options: LoaderOptions,
  use = (batch: Batch) => batch.release(),
): Promise<PenstockError> {
  try {
    for await (const batch of createLoader(options)) use(batch);
  } catch (error) {
    if (error instanceof PenstockError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a loader over files', () => {
  test.each([1, 2, 4])('hands out every row once, with %d producers', async (producers) => {
    const at = workspace();
    writeRows(at('a.arrow'), 7, 111);
    const { ids, sizes } = await readAll({ source: at('*.arrow'), producers, batch: { size: 16 } });
    expect(ascending(ids)).toEqual(upTo(777));
    expect(Math.max(...sizes)).toBe(16);
  });

  test('in fixed order makes the same batches in the same order, whatever the number of producers', async () => {
    const at = workspace();
    // Large enough for several splits: 256 KiB each at the least.
    for (const name of ['a', 'b', 'c']) writeRows(at(`${name}.arrow`), 3, 500);
    const read = (producers: number, prefetch: number) =>
      readAll({ source: at('*.arrow'), producers, prefetch, batch: { size: 32, order: 'fixed' } });
    const one = await read(1, 7);
    const four = await read(4, 2);
    expect(four).toEqual(one);
    expect(one.ids.slice(0, 1500)).toEqual(upTo(1500));
  });

  test('starts anew with each loop, and ends its threads with each', async () => {
    const at = workspace();
    writeRows(at('a.arrow'), 2, 50);
    const loader = createLoader({ source: at('a.arrow'), batch: { size: 10 } });
    for (let epoch = 0; epoch < 3; epoch++) {
      let rows = 0;
      for await (const batch of loader) {
        rows += batch.rows;
        batch.release();
      }
      expect(rows).toBe(100);
    }
  });

  test('tells where each row comes from', async () => {
    const at = workspace();
    writeRows(at('a.arrow'), 2, 5);
    const rows: number[] = [];
    for await (const batch of createLoader({ source: at('a.arrow'), batch: { size: 4 } })) {
      expect(batch.ids).toHaveLength(batch.rows);
      rows.push(...batch.ids.map(({ split, row }) => split * 1000 + row));
      batch.release();
    }
    expect(ascending(rows)).toEqual(upTo(10));
  });

  test('can be left at any time', async () => {
    const at = workspace();
    writeRows(at('a.arrow'), 20, 500);
    let batches = 0;
    for await (const batch of createLoader({ source: at('a.arrow'), producers: 2, batch: { size: 8 } })) {
      batch.release();
      if (++batches === 3) break;
    }
    expect(batches).toBe(3);
  });

  test('stops at its signal with an error that says so', async () => {
    const at = workspace();
    writeRows(at('a.arrow'), 20, 500);
    const stop = new AbortController();
    const error = await failureOf(
      { source: at('a.arrow'), signal: stop.signal, batch: { size: 8 } },
      (batch) => {
        batch.release();
        stop.abort();
      },
    );
    expect(error.message).toBe('the loader was stopped');
    expect(error.code).toBe('INTERRUPTED');
  });

  test('takes an option that is undefined as one that is left out, in sections too', async () => {
    const at = workspace();
    writeRows(at('a.arrow'), 1, 10);
    const options = {
      source: { uri: at('a.arrow'), limit: undefined },
      inputs: { id: { column: undefined }, x: { dtype: undefined } },
      batch: { size: 5, lengthColumn: undefined },
      producers: undefined,
    };
    // As JavaScript has it: the types say otherwise.
    expect(await readAll(options as never)).toEqual({ ids: upTo(10), sizes: [5, 5] });
  });

  test('says so when batches are not released, rather than wait for ever', async () => {
    const at = workspace();
    writeRows(at('a.arrow'), 4, 100);
    for (const order of ['any', 'fixed'] as const) {
      const held: Batch[] = [];
      const error = await failureOf(
        { source: at('a.arrow'), prefetch: 2, batch: { size: 8, order } },
        (batch) => held.push(batch),
      );
      expect(error.message).toMatch(/\d of 3 slots are held by batches that were not released/);
      expect(error.explain()).toContain('batch.release()');
    }
  });

  test('says so too where a batch of another bucket has the slot that the next one needs', async () => {
    const at = workspace();
    // Lengths 2 and 6 in turn: each bucket's batch is full after two rows.
    writeArrow(at('a.arrow'), [[int32('n', [2, 2, 6, 6, 6, 2])]]);
    const held: Batch[] = [];
    const error = await failureOf(
      {
        source: at('a.arrow'),
        inputs: { mask: { from: 'mask' } },
        prefetch: 2,
        batch: { size: 2, order: 'fixed', lengthColumn: 'n', buckets: [4, 8] },
      },
      (batch) => held.push(batch),
    );
    expect(error.message).toMatch(/[23] of 3 slots are held by batches that were not released/);
  });

  test('passes on what is wrong with the data, in the loop', async () => {
    const at = workspace();
    const absent = await failureOf({ source: at('absent.arrow') });
    expect(absent.message).toBe(`${at('absent.arrow')}: no such file or directory`);
    writeArrow(at('big.arrow'), [[int32('x', [1, 2, 300])]]);
    const big = await failureOf({ source: at('big.arrow'), inputs: { x: { dtype: 'uint8' } } });
    expect(big.message).toBe(`${at('big.arrow')}: row 2, column "x": holds 300, which does not fit uint8`);
  });

  test('refuses options that can not be, by name', () => {
    expect(() => createLoader({ source: 'x', batch: { size: 0 } })).toThrow(
      'batch.size: expected a whole number from 1 to 32767, got 0',
    );
    expect(() => createLoader({ source: 'x', prefetch: 0 })).toThrow('prefetch: expected a whole number');
  });

  test('says so where no producer can be started', () => {
    const at = workspace();
    writeRows(at('a.arrow'), 2, 5);
    // Preloaded into every thread, as by an instrumentation that does not work in threads.
    writeFileSync(
      at('preload.mjs'),
      `import { isMainThread } from 'node:worker_threads';
       if (!isMainThread) throw new Error('not in threads');`,
    );
    const script = `import { createLoader } from 'penstock';
      try { for await (const batch of createLoader({ source: ${JSON.stringify(at('a.arrow'))} })) batch.release(); }
      catch (error) { console.log(error.code, error.message); }`;
    const flags = ['--import', pathToFileURL(at('preload.mjs')).href, '--input-type=module'];
    const { stdout, status } = spawnSync(process.execPath, [...flags, '-e', script], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(stdout).toBe("DEVICE a producer's thread failed: not in threads\n");
    expect(status).toBe(0);
  });

  test('lets the process end by itself after a break and after an error', () => {
    const at = workspace();
    writeRows(at('a.arrow'), 20, 500);
    const script = (body: string): string =>
      `import { createLoader } from 'penstock';
       try { for await (const batch of createLoader({ source: ${JSON.stringify(at('a.arrow'))}, batch: { size: 8 } })) { ${body} } }
       catch (error) { console.log(error.code); }
       console.log('left');`;
    for (const [body, said] of [
      ['break;', 'left\n'],
      ['', 'USAGE\nleft\n'],
    ] as const) {
      const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script(body)], {
        encoding: 'utf8',
        timeout: 30_000,
      });
      expect(stdout).toBe(said);
      expect(status).toBe(0);
    }
  });
});

describe('a loader over an iterable', () => {
  test('takes rows, in their order', async () => {
    async function* rows() {
      for (let id = 0; id < 100; id++) yield { id, x: [id, id * 2, id * 3, id * 4], name: `row ${id}` };
    }
    const { ids, sizes } = await readAll({ source: rows(), batch: { size: 7, order: 'fixed' } });
    expect(ids).toEqual(upTo(100));
    expect(sizes).toEqual([...new Array(14).fill(7), 2]);
  });

  test('takes record batches and tables', async () => {
    const ids = Int32Array.from(upTo(50));
    const table = tableFromArrays({ id: ids, y: Float32Array.from(ids, (id) => id / 2) });
    const batches = [...table.batches];
    expect(batches[0]).toBeInstanceOf(RecordBatch);
    for (const source of [batches, [table]]) {
      const seen: number[] = [];
      for await (const batch of createLoader({ source, batch: { size: 8 } })) {
        const { id, y } = batch.tensors;
        for (let row = 0; row < batch.rows; row++) {
          seen.push(Number(id?.data[row]));
          expect(y?.data[row]).toBe(Number(id?.data[row]) / 2);
        }
        batch.release();
      }
      expect(seen).toEqual(upTo(50));
    }
  });

  test('sends a row on after the delay, though its batch is not full', async () => {
    let finish = (): void => {};
    const more = new Promise<void>((resolve) => {
      finish = resolve;
    });
    async function* rows() {
      yield { x: 1 };
      yield { x: 2 };
      await more;
      yield { x: 3 };
    }
    const sizes: number[] = [];
    for await (const batch of createLoader({ source: rows(), batch: { size: 64, maxDelayMs: 1 } })) {
      sizes.push(batch.rows);
      batch.release();
      // The third row comes only once a batch has come without it.
      if (sizes.reduce((sum, rows) => sum + rows, 0) === 2) finish();
    }
    expect(sizes.at(-1)).toBe(1);
    expect(sizes.reduce((sum, rows) => sum + rows, 0)).toBe(3);
  });

  test('is stopped at its signal while the iterable has yielded nothing yet, and leaves it', async () => {
    const stop = new AbortController();
    let isLeft = false;
    const source: AsyncIterable<{ x: number }> = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          setImmediate(() => stop.abort());
          return new Promise(() => {});
        },
        return: async () => {
          isLeft = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const error = await failureOf({ source, signal: stop.signal });
    expect(error).toMatchObject({ message: 'the loader was stopped', code: 'INTERRUPTED' });
    expect(isLeft).toBe(true);
  });

  test.each([
    ['rows can be no tensors', { name: 'a' }, {}],
    ['inputs do not fit its rows', { x: 1 }, { inputs: { y: {} } }],
  ])('leaves the iterable where %s', async (_, row, options) => {
    let isLeft = false;
    async function* rows() {
      try {
        for (;;) yield row as never;
      } finally {
        isLeft = true;
      }
    }
    expect((await failureOf({ source: rows(), ...options })).code).toBe('USAGE');
    await expect.poll(() => isLeft).toBe(true);
  });

  test('yields nothing where there is nothing', async () => {
    expect(await readAll({ source: [] })).toEqual({ ids: [], sizes: [] });
  });

  test('passes on what the iterable throws', async () => {
    async function* rows() {
      yield { x: 1 };
      throw new PenstockError('the well is dry');
    }
    expect((await failureOf({ source: rows() })).message).toBe('the well is dry');
  });

  test.each([
    [{ x: [1, 2, 3] }, 'row 1 of the source, column "x": has 3 values; the tensor takes 2'],
    [{ x: [1, null] }, 'row 1 of the source, column "x": holds null, which is no number'],
    [{ x: 'abc' }, 'row 1 of the source, column "x": is abc, which is no number'],
    [{}, 'row 1 of the source, column "x": is missing'],
  ])('refuses the row %j', async (row, message) => {
    expect((await failureOf({ source: [{ x: [1, 2] }, row] as never })).message).toBe(message);
  });

  test('counts the rows of all record batches before one that it refuses', async () => {
    const batch = (values: (number | null)[]) =>
      new RecordBatch({ x: vectorFromArray(values, new Float32()).data[0] as Data });
    const source = [batch([1, 2, 3]), batch([4, null])];
    expect((await failureOf({ source })).message).toBe(
      'row 4 of the source, column "x": is null, and a tensor has no place for nulls',
    );
  });

  test('does not hold up the event loop while rows go in', async () => {
    const big = Float32Array.from({ length: 1 << 20 }, (_, i) => i);
    const table = tableFromArrays({ x: big });
    let turns = 0;
    let going = true;
    const count = (): void => {
      turns++;
      if (going) setImmediate(count);
    };
    setImmediate(count);
    let rows = 0;
    for await (const batch of createLoader({ source: [table], batch: { size: 4096 } })) {
      rows += batch.rows;
      batch.release();
    }
    going = false;
    expect(rows).toBe(1 << 20);
    expect(turns).toBeGreaterThan(10);
  });
});

describe('rows of variable length', () => {
  const next = random(11);
  const texts = Array.from({ length: 300 }, (_, id) => ({
    id,
    tokens: Array.from({ length: Math.floor(next() * 60) }, (_, i) => id * 100 + i + 1),
  }));
  const options = {
    inputs: {
      id: { dtype: 'int32' },
      tokens: { dtype: 'int64', pad: -1 },
      mask: { from: 'mask', dtype: 'int64' },
      length: { from: 'length', dtype: 'int32' },
    },
    batch: { size: 16, lengthColumn: 'tokens', buckets: [8, 16, 64], maxTokens: 256 },
  } as const satisfies Partial<LoaderOptions>;

  test('are padded to their bucket, with mask and length, within the token budget', async () => {
    const seen: number[] = [];
    for await (const batch of createLoader({ source: texts, ...options })) {
      const { id, tokens, mask, length } = batch.tensors;
      const padded = tokens?.dims[1] as number;
      expect([8, 16, 64]).toContain(padded);
      expect(batch.rows * padded).toBeLessThanOrEqual(256);
      expect(mask?.dims).toEqual([batch.rows, padded]);
      expect(length?.dims).toEqual([batch.rows]);
      for (let row = 0; row < batch.rows; row++) {
        const text = texts[Number(id?.data[row])];
        if (text === undefined) throw new Error('no such text');
        const size = text.tokens.length;
        expect(Number(length?.data[row])).toBe(size);
        expect(padded).toBe([8, 16, 64].find((bucket) => size <= bucket));
        const slice = (data: ArrayLike<unknown> | undefined): number[] =>
          Array.from({ length: padded }, (_, i) => Number(data?.[row * padded + i]));
        expect(slice(tokens?.data)).toEqual([...text.tokens, ...new Array(padded - size).fill(-1)]);
        expect(slice(mask?.data)).toEqual([...new Array(size).fill(1), ...new Array(padded - size).fill(0)]);
        seen.push(text.id);
      }
      batch.release();
    }
    expect(ascending(seen)).toEqual(upTo(300));
  });

  test('do not stand still where there are more buckets than slots', async () => {
    let rows = 0;
    for await (const batch of createLoader({ source: texts, ...options, prefetch: 1 })) {
      rows += batch.rows;
      batch.release();
    }
    expect(rows).toBe(300);
  });

  test('longer than the longest bucket are refused by row', async () => {
    const source = [...texts.slice(0, 2), { id: 9, tokens: new Array(65).fill(1) }];
    const error = await failureOf({ source, ...options });
    expect(error.message).toBe(
      'row 2 of the source, column "tokens": is 65 long; the longest of batch.buckets holds 64',
    );
  });
});

test('a column of another type than the tensor asks for is refused', async () => {
  const at = workspace();
  writeArrow(at('a.arrow'), [[float32('x', [1.5])]]);
  const error = await failureOf({ source: at('a.arrow'), inputs: { x: { dtype: 'int32' } } });
  expect(error.message).toContain('float32 values would have to be rounded to int32');
});
