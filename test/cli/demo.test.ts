import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readColumn, workspace } from '../helpers/workspace.js';
import { penstock, start } from './penstock.js';

test('runs anywhere, reads the digits right, and leaves nothing behind, not even telemetry', async () => {
  const at = workspace();
  const { code, stdout, stderr } = await start(['demo', '--rows', '4500'], {
    cwd: at(),
    env: { TMPDIR: at() },
  }).ended;
  expect(code).toBe(0);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^A real job from end to end: 4,500 handwritten digits/);
  expect(stderr).toContain('4,500 read, 4,500 written');
  const [, right] = /reads (\d+\.\d) % of them right/.exec(stderr.replace(/\s+/g, ' ')) ?? [];
  expect(Number(right)).toBeGreaterThan(97.5);
  expect(readdirSync(at())).toEqual([]);

  // What it says to do next works as it stands, and writes to here.
  const [, next = ''] = /^ {2}(?:npx )?penstock (run .*)$/m.exec(stderr) ?? [];
  expect(await start(next.split(' '), { cwd: at() }).ended).toMatchObject({ code: 0 });
  expect(readdirSync(at('digits'))).toContain('_SUCCESS');
});

test('--json prints the report with what was checked', async () => {
  const { code, stdout } = await penstock('demo', '--rows', '1_001', '--json');
  expect(code).toBe(0);
  const { status, rows, demo } = JSON.parse(stdout);
  expect(status).toBe('completed');
  expect(rows).toMatchObject({ read: 1001, written: 1001 });
  expect(demo).toEqual({
    rows: 1001,
    right: Math.round(demo.accuracy * 1001),
    accuracy: expect.any(Number),
    folder: null,
  });
});

test('--keep leaves data and output in a folder that was empty, and says how to run the job again', async () => {
  const at = workspace();
  const args = ['demo', '--rows', '2500', '--keep', at('kept')];
  const { code, stderr } = await penstock(...args);
  expect(code).toBe(0);
  expect(readdirSync(at('kept')).sort()).toEqual(['digits.arrow', 'out']);
  expect(await readColumn(at('kept', 'out'), 'id')).toEqual(Array.from({ length: 2500 }, (_, id) => id));

  const [, command = ''] = /penstock (run .*)\n$/.exec(stderr) ?? [];
  expect((await penstock(...command.split(' '))).code).toBe(0);

  const again = await penstock(...args);
  expect(again.code).toBe(2);
  expect(again.stderr).toContain('is not empty (digits.arrow)');
});

test('interrupted, it deletes its files', async () => {
  const at = workspace();
  mkdirSync(at('tmp'));
  const { child, ended } = start(['demo', '--rows', '5000000'], { env: { TMPDIR: at('tmp') } });
  await once(child.stderr, 'data');
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(code).toBe(130);
  expect(stderr).toContain('penstock: interrupted; the temporary files are deleted\n');
  expect(readdirSync(at('tmp'))).toEqual([]);
});
