import { describe, expect, test } from 'vitest';
import type { DataFile, RawBatch, Split } from '../../src/dataset/types.js';
import { readSplits, type SplitSource } from '../../src/produce/read-ahead.js';

const MIB = 2 ** 20;
const NEVER = new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Counts {
  readonly opened: number[];
  readonly closed: number[];
  open: number;
  mostOpen: number;
  taken: number;
}

/** Splits of one file each, of two record batches each, at `root`. */
function source(
  root: string,
  {
    splits: count = 100,
    bytes = 1000,
    producers = 1,
    unfinished = [] as SplitSource['unfinished'],
    others = (): number => 0,
    failing = -1,
  } = {},
): SplitSource & { counts: Counts } {
  const counts: Counts = { opened: [], closed: [], open: 0, mostOpen: 0, taken: 0 };
  const splits: Split[] = Array.from({ length: count }, (_, ordinal) => ({
    ordinal,
    object: { uri: `${root}/${ordinal}`, size: bytes, version: '1' },
    first: 0,
    count: 2,
    bytes,
  }));
  const fileOf = (ordinal: number): DataFile =>
    ({
      async *batches() {
        for (let unit = 0; unit < 2; unit++) {
          await turn();
          yield { unit, rows: ordinal } as RawBatch;
        }
      },
      close: async () => {
        await turn();
        counts.closed.push(ordinal);
        counts.open--;
      },
    }) as unknown as DataFile;
  return {
    counts,
    splits,
    unfinished,
    producers,
    left: () => Math.max(0, count - counts.taken - others()),
    take: () => (counts.taken + others() < count ? counts.taken++ : -1),
    open: async ({ ordinal }) => {
      counts.opened.push(ordinal);
      counts.mostOpen = Math.max(counts.mostOpen, ++counts.open);
      await turn();
      if (ordinal === failing) {
        counts.open--;
        throw new Error(`split ${ordinal}`);
      }
      return fileOf(ordinal);
    },
  };
}

async function readAll(of: SplitSource, signal = NEVER): Promise<string[]> {
  const read: string[] = [];
  for await (const { split, committedRows, batches } of readSplits(of, signal)) {
    const units: number[] = [];
    for await (const raw of batches) units.push(raw.unit);
    read.push(`${split}+${committedRows}: ${units}`);
  }
  return read;
}

describe.each(['s3://bucket', '/data'])('the splits at %s', (root) => {
  test('come in order, with all their record batches, those to begin with first', async () => {
    const of = source(root, {
      splits: 40,
      unfinished: [
        { split: 38, committedRows: 5 },
        { split: 39, committedRows: 0 },
      ],
      others: () => 2,
    });
    expect(await readAll(of)).toEqual([
      '38+5: 0,1',
      '39+0: 0,1',
      ...Array.from({ length: 38 }, (_, i) => `${i}+0: 0,1`),
    ]);
    expect(of.counts.open).toBe(0);
  });

  test('are closed, every one, when one of them fails: those before it are read', async () => {
    const of = source(root, { failing: 20 });
    await expect(readAll(of)).rejects.toThrow('split 20');
    expect(of.counts.open).toBe(0);
    expect(of.counts.opened).toContain(19);
  });

  test('are closed, every one, when they are left', async () => {
    const of = source(root);
    for await (const { split } of readSplits(of, NEVER)) if (split === 7) break;
    expect(of.counts.open).toBe(0);
    expect(of.counts.opened.length).toBe(of.counts.closed.length);
  });
});

test('files on disks are open one at a time', async () => {
  const of = source('/data');
  await readAll(of);
  expect(of.counts.mostOpen).toBe(1);
});

describe('remote files are opened ahead', () => {
  test('32 of them at most', async () => {
    const of = source('s3://bucket', { splits: 200 });
    await readAll(of);
    expect(of.counts.mostOpen).toBe(32);
  });

  test('as many as their bytes allow, divided over the producers', async () => {
    const of = source('s3://bucket', { splits: 200, bytes: 4 * MIB, producers: 2 });
    await readAll(of);
    expect(of.counts.mostOpen).toBe(8);
    const large = source('s3://bucket', { bytes: 1000 * MIB });
    await readAll(large);
    expect(large.counts.mostOpen).toBe(1);
  });

  test('no more than leave the other producers theirs', async () => {
    const of = source('s3://bucket', { splits: 12, producers: 4 });
    const reading = readSplits(of, NEVER);
    await reading.next();
    expect(of.counts.taken).toBeLessThanOrEqual(3);
    await reading.return();
  });
});

test('an abort reaches what is being opened', async () => {
  const controller = new AbortController();
  const of = source('s3://bucket');
  const waiting: SplitSource = {
    ...of,
    open: (_, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
      ),
  };
  const reading = readAll(waiting, controller.signal);
  controller.abort(new Error('stopped'));
  await expect(reading).rejects.toThrow('stopped');
});
