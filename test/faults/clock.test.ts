import { expect, test } from 'vitest';
import { workspace } from '../helpers/workspace.js';
import { SEED, simulated, Trial, tried, writeFiles } from './trial.js';

const JUMPING = new URL('./fixtures/jumping.mjs', import.meta.url).href;

test('a clock that jumps by hours changes no byte, and the lease still keeps a second run out', async () => {
  const at = workspace();
  const data = writeFiles(at('data'));
  const slow = { model: { runtime: 'simulated', options: { batchMicros: 60_000 } } };
  const trial = new Trial((uri) => simulated(data, { uri }, slow), at);
  const jumps = (seed: number) => ({
    NODE_OPTIONS: `--import=${JUMPING}`,
    PENSTOCK_TEST_JUMPS: String(seed),
  });
  const survived = tried('a clock that jumps');
  const first = trial.run(jumps(SEED));
  await trial.commits(1, first);
  // Held until the second has been refused, for less than the 30 seconds after which it counts as dead.
  first.child.kill('SIGSTOP');
  const second = await trial.run(jumps(SEED + 1)).ended;
  first.child.kill('SIGCONT');
  expect(second.code, second.stderr).toBe(2);
  expect(second.stderr).toMatch(/is in use by another run \(process \d+ /);
  await trial.expectDone(await first.ended);
  survived();
});

test('a clock that jumps keeps nobody out of what a killed run has left', async () => {
  const at = workspace();
  const trial = new Trial((uri) => simulated(writeFiles(at('data')), { uri }), at);
  const env = { NODE_OPTIONS: `--import=${JUMPING}`, PENSTOCK_TEST_JUMPS: String(SEED + 2) };
  const run = trial.run(env);
  await trial.commits(2, run);
  const survived = tried('a clock that jumps, and kill -9');
  run.child.kill('SIGKILL');
  await run.ended;
  await trial.expectIntact();
  await trial.resume(env);
  survived();
});
