import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Report } from 'penstock';
import { describe, expect, test } from 'vitest';
import { start } from '../cli/penstock.js';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';
import { readColumn, workspace } from '../helpers/workspace.js';

type At = (...names: string[]) => string;

const FILES = 8;
const ROWS = 50;
const SLOW_DISK = new URL('../stalls/slow-disk.mjs', import.meta.url).href;

function writeJob(at: At, changes: object): string {
  mkdirSync(at('data'));
  for (let file = 0; file < FILES; file++) {
    const ids = Array.from({ length: ROWS }, (_, i) => file * ROWS + i);
    writeArrow(at('data', `${file}.arrow`), [[int32('id', ids), vectors('x', 1, ids)]]);
  }
  const job = {
    source: { uri: at('data') },
    model: { runtime: 'simulated' },
    inputs: { x: { shape: [1] } },
    batch: { size: 16, order: 'fixed' },
    producers: 1,
    sink: { uri: at('out'), keep: ['id'] },
    errors: { stuckAfterMs: 500 },
    ...changes,
  };
  writeFileSync(at('job.json'), JSON.stringify(job));
  return at('job.json');
}

/** A transform that hangs, once, at the sixth file. */
function writeTransform(at: At, hang: string): string {
  const code = `
    import { existsSync, writeFileSync } from 'node:fs';
    export default async (batch) => {
      if (batch.get(0).id === ${5 * ROWS} && !existsSync(${JSON.stringify(at('hung'))})) {
        writeFileSync(${JSON.stringify(at('hung'))}, '');
        ${hang}
      }
      return {};
    };`;
  writeFileSync(at('transform.mjs'), code);
  return at('transform.mjs');
}

async function expectGoesOn(job: string, at: At): Promise<void> {
  const { code, stdout, stderr } = await start(['run', job, '--json']).ended;
  expect(code, stderr).toBe(0);
  const { rows } = JSON.parse(stdout) as Report;
  expect(rows.resumed).toBeGreaterThan(0);
  expect(rows.written + rows.resumed).toBe(FILES * ROWS);
  expect(await readColumn(at('out'), 'id')).toEqual(Array.from({ length: FILES * ROWS }, (_, i) => i));
}

describe('a run in which nothing moves any more', () => {
  const hangs = [
    ['a transform that never resolves', 'await new Promise(() => {});'],
    ['a transform that never returns', 'for (;;);'],
  ] as const;

  test.each(hangs)('ends with an error that names the stage: %s', async (_, hang) => {
    const at = workspace();
    const job = writeJob(at, { transform: writeTransform(at, hang) });
    const { code, stdout, stderr } = await start(['run', job, '--json']).ended;
    expect(code).toBe(1);
    expect(stderr).toContain(
      `nothing has moved for 500 ms: producer 0 is in the transform, with rows of ${at('data', '5.arrow')}`,
    );
    // The state of the ring, for whoever looks for the fault.
    expect(stderr).toMatch(/ring: open, lock free, .*\n.*splits: 5 of 8 done in a row/);
    expect(stderr).toMatch(/slot 0: free/);
    expect(stderr).toMatch(/producer 0: transform for \d/);
    expect(stderr).toMatch(/consumer 0: (starved|blocked) for \d/);
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'STUCK', key: 'errors.stuckAfterMs' });
    await expectGoesOn(job, at);
  });

  test('names the sink where that is what hangs', async () => {
    const at = workspace();
    const job = writeJob(at, { ring: { slots: 2 } });
    const env = { NODE_OPTIONS: `--import ${SLOW_DISK}`, SLOW_DISK_MS: '100000' };
    const { code, stderr } = await start(['run', job], { env }).ended;
    expect(code).toBe(1);
    expect(stderr).toContain(
      `nothing has moved for 500 ms: the sink does not come to an end with ${at('out')}`,
    );
  });
});

test('a run that is slow is not taken for one that is stuck', async () => {
  const at = workspace();
  const transform = fileURLToPath(new URL('./fixtures/slow-transform.mjs', import.meta.url));
  const job = writeJob(at, { transform });
  const { code, stderr } = await start(['run', job]).ended;
  expect(code, stderr).toBe(0);
});
