import { expect } from 'vitest';
import { repository } from '../cli/penstock.js';
import { random } from '../helpers/random.js';
import { workspace } from '../helpers/workspace.js';
import { FORMATS, SEED, simulated, Trial, tried, writeFiles } from './trial.js';

/** Jobs that are killed, by what runs in them. */
export const KINDS = ['simulated', 'digits'] as const;

/** Kills of each kind. PENSTOCK_FAULTS: of both. */
const KILLS = Math.ceil(Number(process.env.PENSTOCK_FAULTS ?? 20) / KINDS.length);

/** A run that is killed is over within this time, on most machines: it may be killed while it starts, too. */
const WHOLE_MS = 900;

/** The time that so many kills may take, on a machine that is busy with other things too. */
export const LIMIT_MS = 60_000 + KILLS * 20_000;

const jobs = {
  simulated: (at: (...names: string[]) => string, next: () => number, sink: object) =>
    simulated(writeFiles(at('data')), sink, { producers: 1 + Math.floor(2 * next()) }),
  digits: (_: unknown, next: () => number, sink: object) => ({
    source: { uri: `${repository}examples/digits/digits.arrow` },
    model: {
      uri: `${repository}native-models/digits/digits.onnx`,
      runtime: 'onnx',
      providers: ['cpu'],
      isolation: next() < 0.3 ? 'process' : 'thread',
    },
    inputs: { image: { column: 'pixels', dtype: 'float32', shape: [1, 28, 28], scale: 1 / 255 } },
    batch: { order: 'fixed', size: 48 },
    sink: { keep: ['id', 'label'], ...sink },
  }),
};

/** Kills jobs and runs them again until they are done, until enough were killed. */
export async function killAndResume(kind: (typeof KINDS)[number]): Promise<void> {
  let kills = 0;
  for (let job = 0; kills < KILLS; job++) {
    const seed = SEED * 1000 + job;
    const next = random(seed);
    const at = workspace();
    const format = FORMATS[Math.floor(FORMATS.length * next())] ?? 'arrow';
    const trial = new Trial((uri) => jobs[kind](at, next, { uri, format }), at);
    try {
      const survived = [];
      for (let left = 2 + Math.floor(5 * next()); left > 0 && kills < KILLS; left--) {
        const run = trial.run();
        // Between two changes of the directory, wherever they are; or at any time at all.
        if (next() < 0.7) await trial.changes(1 + Math.floor(50 * next()), run);
        else await Promise.race([delay(WHOLE_MS * next()), run.ended]);
        run.child.kill('SIGKILL');
        const ended = await run.ended;
        if (ended.signal !== 'SIGKILL') {
          await trial.expectDone(ended);
          break;
        }
        kills++;
        survived.push(tried(`kill -9 (${kind})`));
        await trial.expectIntact();
      }
      await trial.resume();
      for (const count of survived) count();
    } catch (error) {
      expect.fail(`PENSTOCK_FAULTS_SEED=${SEED}, job ${job}, ${format}: ${(error as Error).message}`);
    }
  }
}

/** The moment of a fault that nothing can be seen of from outside; nothing is waited for. */
const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
