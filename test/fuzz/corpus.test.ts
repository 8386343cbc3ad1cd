import { describe, expect, onTestFinished, test } from 'vitest';
import { random } from '../helpers/random.js';
import { type Lost, Victim } from '../helpers/victim.js';
import { CORPORA } from './corpus/index.js';
import type { Sample } from './corpus/types.js';
import { mutate } from './mutate.js';

/*
 * `npm test` runs some cases of fixed seeds; `npm run fuzz -- --minutes N` as many as it can with seeds of its own, and
 * `--seed S --case C` one of them again.
 */
const { PENSTOCK_FUZZ_MINUTES, PENSTOCK_FUZZ_SEED, PENSTOCK_FUZZ_CASE } = process.env;
const MINUTES = Number(PENSTOCK_FUZZ_MINUTES ?? 0);
const SEED = Number(PENSTOCK_FUZZ_SEED ?? 1);
const ONLY = PENSTOCK_FUZZ_CASE === undefined ? undefined : Number(PENSTOCK_FUZZ_CASE);
const CASES = 4000;
/** For one case. Most take a millisecond or two. */
const LIMIT_MS = 5000;
/** What the process that reads may grow by, whatever it is given. */
const GROWTH_BYTES = 256 * 1024 * 1024;

const pick = <T>(items: readonly T[], next: () => number): T => items[Math.floor(next() * items.length)] as T;

/** Case `index` of a seed: always the same. */
function caseOf(samples: readonly Sample[], seed: number, index: number) {
  const next = random(seed * 1_000_003 + index);
  const sample = pick(samples, next);
  const { bytes, how } = mutate(sample.bytes, pick(samples, next).bytes, next);
  return { bytes, atOnce: next() < 0.5, what: `--seed ${seed} --case ${index} (${sample.name}: ${how})` };
}

/** What reading a file to the end came to: nothing, or an error, of ours or not. */
interface Outcome {
  readonly known?: boolean;
  readonly text?: string;
  readonly rss: number;
}

function victimOfTest(): Victim<Outcome> {
  const victim = new Victim<Outcome>(new URL('./victim.mjs', import.meta.url), LIMIT_MS);
  onTestFinished(() => victim.close());
  return victim;
}

/** Why an outcome is none that a user should meet; undefined where it is one. */
function fault({ known, text, lost, rss }: Outcome & Lost, before: number): string | undefined {
  if (lost !== undefined) return lost;
  if (known === false) return text;
  const growth = rss - before;
  return growth > GROWTH_BYTES ? `grew by ${Math.round(growth / 1024 / 1024)} MiB` : undefined;
}

describe.each(CORPORA)('$name', ({ samples: make }) => {
  const samples = make();

  test('undamaged is read', async () => {
    const victim = victimOfTest();
    for (const { name, bytes } of samples) {
      if (name === 'runs.arrow') continue;
      for (const atOnce of [true, false])
        expect((await victim.read({ bytes, atOnce })).text, name).toBeUndefined();
    }
  });

  const timeout = 120_000 + MINUTES * 60_000;
  test('damaged is read, or is an error that says so', { timeout }, async () => {
    const victim = victimOfTest();
    const first = samples[0] as Sample;
    const before = (await victim.read({ bytes: first.bytes, atOnce: true })).rss;
    const faults: string[] = [];
    const until = performance.now() + MINUTES * 60_000;
    let [count, errors] = [0, 0];
    const more = (index: number): boolean =>
      MINUTES > 0 ? performance.now() < until : index < (ONLY ?? 0) + (ONLY === undefined ? CASES : 1);
    for (let index = ONLY ?? 0; more(index) && faults.length < 20; index++) {
      const { bytes, atOnce, what } = caseOf(samples, SEED, index);
      const outcome = await victim.read({ bytes, atOnce });
      const reason = fault(outcome, before);
      if (reason !== undefined) faults.push(`${what}: ${reason}`);
      count++;
      if (outcome.known) errors++;
    }
    if (MINUTES > 0)
      console.log(`${count} cases, ${errors} errors that say what is wrong, ${faults.length} faults`);
    expect(faults).toEqual([]);
  });
});
