import { expect, test } from 'vitest';
import { workspace } from '../helpers/workspace.js';
import { FORMATS, simulated, Trial, tried, writeFiles } from './trial.js';

test.each([
  ['SIGINT', FORMATS[1]],
  ['SIGTERM', FORMATS[2]],
] as const)('%s ends a job with what is committed intact, and it goes on', async (signal, format) => {
  const at = workspace();
  const trial = new Trial((uri) => simulated(writeFiles(at('data')), { uri, format }), at);
  const run = trial.run();
  await trial.commits(2, run);
  const survived = tried(signal);
  run.child.kill(signal);
  const ended = await run.ended;
  expect(ended.code).toBe(130);
  expect(ended.stderr).toMatch(/^penstock: interrupted: [2-8] of 8 parts written to /m);
  expect(ended.stderr).not.toMatch(/^\s+at /m);
  await trial.expectIntact();
  await trial.resume();
  survived();
});

test('a second SIGINT ends a job at once, in the middle of a batch, and it goes on', async () => {
  const at = workspace();
  const slow = { model: { runtime: 'simulated', options: { batchMicros: 0, rowMicros: 100 } } };
  const trial = new Trial((uri) => simulated(writeFiles(at('data')), { uri }, slow), at);
  const run = trial.run();
  await trial.commits(1, run);
  const survived = tried('a second SIGINT');
  const told = new Promise<void>((resolve) => run.child.stderr.on('data', () => resolve()));
  run.child.kill('SIGINT');
  await told;
  // One that comes right behind the first is its echo.
  const impatience = setInterval(() => run.child.kill('SIGINT'), 20);
  const { code, signal } = await run.ended;
  clearInterval(impatience);
  expect(code === 130 || signal === 'SIGINT').toBe(true);
  await trial.expectIntact();
  await trial.resume();
  survived();
});
