import { expect, test } from 'vitest';
import { random } from '../../helpers/random.js';
import { NO_REDIS, REDIS } from '../../helpers/redis.js';
import { Fleet, Scene } from './scene.js';

const WORKERS = 4;
const SPLITS = 200;
/** Seed of everything that is left to chance; another one is drawn for long runs. */
const SEED = Number(process.env.PENSTOCK_FAULTS_SEED ?? 9);
/** Kills of each worker. */
const EACH = process.env.PENSTOCK_FAULTS === undefined ? 2 : 10;

test('a job of 200 splits ends as on one machine, though each of its four workers is killed at random moments', async (context) => {
  context.skip(!REDIS, NO_REDIS);
  const next = random(SEED);
  const scene = await Scene.open({ splits: SPLITS, batchMs: 20 });
  const submitted = scene.submit('--shards', '20', '--wait', '--json');
  const fleet = new Fleet(WORKERS, () => scene.worker(['--lock-seconds', '2']));
  const kills = Array.from({ length: EACH * WORKERS }, (_, kill) => kill % WORKERS);
  for (const [kill, worker] of shuffled(kills, next).entries()) {
    // Somewhere in its own stretch of the run, so that there is something left to be done after each of them.
    const stretch = (SPLITS * 0.9) / kills.length;
    await scene.committed(Math.floor((kill + next()) * stretch), submitted.ended);
    await fleet.restart(worker);
  }
  const { code, stdout, stderr } = await submitted.ended;
  expect(code, `PENSTOCK_FAULTS_SEED=${SEED}\n${stderr}`).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', rows: { written: SPLITS * scene.rows } });
  for (const { code } of await fleet.drain()) expect(code).toBe(0);
  await scene.expectDone();
}, 300_000);

function shuffled<T>(items: readonly T[], next: () => number): T[] {
  return items
    .map((item) => ({ item, at: next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
