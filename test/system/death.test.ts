import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Report } from 'penstock';
import { describe, expect, test } from 'vitest';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';
import { readColumn, workspace } from '../helpers/workspace.js';

const ROWS = 12_000;
const DYING = fileURLToPath(new URL('./fixtures/dying.mjs', import.meta.url));

/** About 6 MB in 24 record batches: a good many splits, and many reads each. */
function writeRows(path: string): void {
  const rows = ROWS / 24;
  writeArrow(
    path,
    Array.from({ length: 24 }, (_, b) => {
      const ids = Array.from({ length: rows }, (_, i) => b * rows + i);
      return [
        int32('id', ids),
        vectors(
          'x',
          128,
          ids.flatMap((id) => new Array(128).fill(id)),
        ),
      ];
    }),
  );
}

interface Outcome {
  readonly report?: Report;
  readonly error?: { code: string; message: string };
  readonly deaths: number;
  readonly status: number | null;
}

/** Runs a job in a process of its own, in which producers die. */
function runDying(
  at: (...names: string[]) => string,
  { how, every, limit, order }: { how: string; every: number; limit: number; order: 'any' | 'fixed' },
): Outcome {
  mkdirSync(at('deaths'));
  const script = `
    import { runJob } from ${JSON.stringify(import.meta.resolve('penstock'))};
    try {
      const report = await runJob({
        source: { uri: ${JSON.stringify(at('data.arrow'))} },
        model: { runtime: 'simulated' },
        inputs: { x: { shape: [128] } },
        batch: { size: 33, order: '${order}' },
        producers: 2,
        sink: { uri: ${JSON.stringify(at('out'))}, keep: ['id'] },
      });
      console.log(JSON.stringify({ report }));
    } catch ({ code, message }) {
      console.log(JSON.stringify({ error: { code, message } }));
    }`;
  writeFileSync(at('job.mjs'), script);
  const args = ['--max-old-space-size=256', '--import', DYING, at('job.mjs')];
  const env = {
    ...process.env,
    PENSTOCK_TEST_DEATHS: at('deaths'),
    PENSTOCK_TEST_HOW: how,
    PENSTOCK_TEST_AT: String(every),
    PENSTOCK_TEST_LIMIT: String(limit),
  };
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 50_000, env });
  return { ...JSON.parse(stdout || '{}'), deaths: readdirSync(at('deaths')).length, status };
}

describe('a producer that dies in the middle of a job', () => {
  const ways = [
    ['ends its thread', 'exit'],
    ['throws outside of any promise', 'throw'],
    ['fails with a bug', 'bug'],
    ['runs out of memory', 'memory'],
  ] as const;
  const cases = ways.flatMap(([what, how]) =>
    (['any', 'fixed'] as const).map((order) => ({ what, how, order })),
  );

  test.each(cases)(
    '$what (order $order): its split is produced again, no row is lost or doubled',
    async ({ how, order }) => {
      const at = workspace();
      writeRows(at('data.arrow'));
      // Two, since a split is tried three times, and both may hit the same one.
      const limit = 2;
      const { report, error, deaths, status } = runDying(at, { how, every: 7, limit, order });
      expect(error).toBeUndefined();
      expect(status).toBe(0);
      expect(deaths).toBe(limit);
      expect(report?.rows).toMatchObject({ read: ROWS, written: ROWS });
      const ids = (await readColumn(at('out'), 'id')) as number[];
      expect(ids).toEqual(Array.from({ length: ROWS }, (_, i) => i));
      const sums = (await readColumn(at('out'), 'checksum')) as number[];
      expect(sums).toEqual(ids.map((id) => id * 128));
    },
  );

  test('again and again at the same split fails the job, with an error that names the split', () => {
    const at = workspace();
    writeRows(at('data.arrow'));
    const { error, status } = runDying(at, { how: 'exit', every: 3, limit: 1000, order: 'any' });
    expect(status).toBe(0);
    expect(error?.message).toMatch(
      /data\.arrow: the thread that reads record batches \d+ to \d+ failed 3 times/,
    );
  });
});
