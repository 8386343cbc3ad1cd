import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { int32, writeArrow } from '../helpers/arrow.js';
import { readColumn, workspace } from '../helpers/workspace.js';
import { penstock } from './penstock.js';

const FILES = 4;
const ROWS = 50;

/** A job over four files, a split each. */
function writeJob(): { readonly job: string; readonly out: string } {
  const at = workspace();
  mkdirSync(at('data'));
  for (let file = 0; file < FILES; file++) {
    const ids = Array.from({ length: ROWS }, (_, i) => file * ROWS + i);
    writeArrow(at('data', `${file}.arrow`), [[int32('id', ids), int32('x', ids)]]);
  }
  const job = {
    name: 'numbers',
    source: { uri: 'data' },
    model: { runtime: 'simulated', options: { batchMicros: 0 } },
    inputs: { x: { dtype: 'float32' } },
    sink: { uri: 'out', keep: ['id'] },
  };
  writeFileSync(at('job.json'), JSON.stringify(job));
  return { job: at('job.json'), out: at('out') };
}

const ALL = Array.from({ length: FILES * ROWS }, (_, id) => id);

describe('run --shard', () => {
  test.each([
    ['1', ['1/2', '2/2']],
    ['0', ['0/2', '1/2']],
  ])('counts from %s, and the shards together are all', async (_, shards) => {
    const { job, out } = writeJob();
    for (const shard of shards) {
      expect(existsSync(join(out, '_SUCCESS'))).toBe(false);
      const { code, stdout, stderr } = await penstock('run', job, '--shard', shard, '--json');
      expect(code, stderr).toBe(0);
      const [i] = shard.split('/');
      expect(JSON.parse(stdout)).toMatchObject({
        shard: { index: Number(i) % 2, count: 2 },
        rows: { read: 2 * ROWS, written: 2 * ROWS },
      });
    }
    expect(await readColumn(out, 'id')).toEqual(ALL);
    expect(readdirSync(out)).toContain('_SUCCESS');
  });

  test('says which shard it was, and where none of the data set is in it', async () => {
    const { job, out } = writeJob();
    const first = await penstock('run', job, '--shard', '1/2');
    expect(first.stderr).toMatch(/^numbers, shard 1\/2: 100 rows in /);
    const again = await penstock('run', job, '--shard', '1/2');
    expect(again.stderr).toMatch(
      /^numbers, shard 1\/2: nothing left to do in 100 rows: an earlier run of this job has done them all\n/,
    );
    const empty = await penstock('run', job, '--shard', '1/50');
    expect(empty.code).toBe(0);
    expect(empty.stderr).toMatch(/^numbers, shard 1\/50: no rows are in it\n/);
    expect(readdirSync(out)).not.toContain('_SUCCESS');
  });

  test.each(['3/2', '-1/2', '1/0', '0/0', '1', '1/2/3', 'a/b', '1.5/2', ''])(
    'refuses %o, and says what is expected',
    async (shard) => {
      const { code, stdout, stderr } = await penstock('run', 'job.yaml', `--shard=${shard}`);
      expect(code).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toMatch(
        /^penstock: option '--shard <i\/n>' argument '.*' is invalid\. Expected i\/n, as in 3\/8/,
      );
    },
  );

  test('refuses --overwrite beside it, before anything is read', async () => {
    const { code, stderr } = await penstock('run', 'missing.yaml', '--shard', '1/2', '--overwrite');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^penstock: --overwrite replaces the whole output, and --shard writes only a part of it\n/,
    );
    expect(stderr).toContain('Remove the output before the first shard is run');
  });
});
