import { Field, Int32, List, vectorFromArray } from 'apache-arrow';
import { type JobInput, runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { int32, writeArrow } from '../helpers/arrow.js';
import { random } from '../helpers/random.js';
import { readColumn, workspace } from '../helpers/workspace.js';

const next = random(3);
const TEXTS = Array.from({ length: 900 }, () =>
  Array.from({ length: 1 + Math.floor(next() ** 3 * 250) }, () => 1 + Math.floor(next() * 1000)),
);

function writeTexts(path: string): string {
  const type = new List(new Field('item', new Int32(), false));
  const batches = [TEXTS.slice(0, 300), TEXTS.slice(300, 600), TEXTS.slice(600)];
  return writeArrow(
    path,
    batches.map((texts, b) => {
      const [tokens] = vectorFromArray(texts, type).data;
      if (tokens === undefined) throw new Error('no data');
      return [
        int32(
          'id',
          Array.from(texts, (_, i) => b * 300 + i),
        ),
        { name: 'tokens', data: tokens },
      ];
    }),
  );
}

function textJob(at: (...names: string[]) => string, batch: NonNullable<JobInput['batch']>): JobInput {
  return {
    source: { uri: at('texts.arrow') },
    model: { runtime: 'simulated' },
    inputs: { tokens: { dtype: 'int64' }, mask: { from: 'mask', dtype: 'int32' } },
    batch: { size: 32, lengthColumn: 'tokens', ...batch },
    producers: 2,
    sink: { uri: at('out'), keep: ['id'] },
  };
}

/** What the simulated device sums for a text: its tokens, and 1 for each of them from the mask. */
const SUMS = TEXTS.map((tokens) => tokens.reduce((sum, token) => sum + token + 1, 0));
const TOKENS = TEXTS.reduce((sum, { length }) => sum + length, 0);

describe('a job over rows of variable length', () => {
  test.each([
    { buckets: [256] },
    { buckets: [8, 32, 64, 256] },
    { buckets: [8, 32, 64, 256], maxTokens: 1024 },
    { buckets: [8, 32, 64, 256], order: 'fixed' },
    { buckets: [8, 32, 64, 256], maxDelayMs: 0 },
    { maxTokens: 2048 },
  ] as const)('runs every row once, padded, in the order of the input: %j', async (batch) => {
    const at = workspace();
    writeTexts(at('texts.arrow'));
    const report = await runJob(textJob(at, batch));
    expect(await readColumn(at('out'), 'id')).toEqual(TEXTS.map((_, i) => i));
    expect(await readColumn(at('out'), 'checksum')).toEqual(SUMS);
    expect(report.rows.written).toBe(900);
    expect(report.batches.paddingWaste).toBeGreaterThan(0);
    expect(report.batches.paddingWaste).toBeLessThan(1);
  });

  test('wastes less of its batches on padding with buckets, and says how much', async () => {
    const at = workspace();
    writeTexts(at('texts.arrow'));
    const wasteOf = async (buckets: number[]): Promise<number> => {
      const { batches } = await runJob(textJob(at, { buckets }), { overwrite: true });
      return batches.paddingWaste;
    };
    const one = await wasteOf([256]);
    expect(one).toBeCloseTo(1 - TOKENS / (900 * 256), 4);
    expect(await wasteOf([16, 32, 64, 128, 256])).toBeLessThan(one / 2);
  });

  test('refuses a row that no bucket holds, by file and row', async () => {
    const at = workspace();
    writeTexts(at('texts.arrow'));
    const row = TEXTS.findIndex(({ length }) => length > 100);
    await expect(runJob(textJob(at, { buckets: [100] }))).rejects.toThrow(
      `${at('texts.arrow')}: row ${row}, column "tokens": is ${TEXTS[row]?.length} long; the longest of batch.buckets holds 100`,
    );
  });

  test('in fixed order needs a slot for each bucket and one more', async () => {
    const at = workspace();
    writeTexts(at('texts.arrow'));
    const job = { ...textJob(at, { buckets: [8, 32, 256], order: 'fixed' }), ring: { slots: 3 } };
    await expect(runJob(job)).rejects.toThrow(
      'ring.slots: fixed order needs a slot for each of the 3 buckets',
    );
  });
});

test('a batch runs with the next of the preferred sizes, and the rows too many leave no trace', async () => {
  const at = workspace();
  writeArrow(at('rows.arrow'), [
    [
      int32(
        'x',
        Array.from({ length: 21 }, (_, i) => i),
      ),
    ],
  ]);
  const report = await runJob({
    source: { uri: at('rows.arrow') },
    model: { runtime: 'simulated' },
    inputs: { x: { dtype: 'int32' } },
    batch: { size: 16, preferredSizes: [4, 8, 16], order: 'fixed' },
    sink: { uri: at('out'), keep: ['x'] },
  });
  // 16, and 5 that run as 8.
  expect(report.batches).toMatchObject({ count: 2, paddingWaste: 0.125 });
  expect(await readColumn(at('out'), 'checksum')).toEqual(Array.from({ length: 21 }, (_, i) => i));
});
