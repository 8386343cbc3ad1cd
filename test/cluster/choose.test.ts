import { describe, expect, test } from 'vitest';
import { type Candidate, chooseRuns, expectedSeconds, initialUse } from '../../src/cluster/choose.js';
import { random } from '../helpers/random.js';

const candidate = (run: string, rest: Partial<Candidate> = {}): Candidate => ({
  run,
  priority: 5,
  weight: 1,
  used: 0,
  active: 0,
  submittedAt: 0,
  ...rest,
});

interface Load {
  readonly weight: number;
  /** What its shards take. */
  readonly seconds: () => number;
}

/** Seconds of the workers' time that runs with shards without end get, by the rule that workers follow. */
function shareOut(loads: readonly Load[], workers: number, until: number): number[] {
  const runs = loads.map(({ weight }, index) => ({
    ...candidate(`${index}`, { weight }),
    seconds: 0,
    ended: 0,
    got: 0,
  }));
  const free = Array.from({ length: workers }, () => ({ at: 0, end: () => {} }));
  for (;;) {
    const worker = free.reduce((first, other) => (other.at < first.at ? other : first));
    if (worker.at >= until) return runs.map(({ got }) => got);
    worker.end();
    const [chosen] = chooseRuns(runs);
    const place = Number(chosen);
    const run = runs[place] as (typeof runs)[number];
    const seconds = (loads[place] as Load).seconds();
    const expected = expectedSeconds(run);
    Object.assign(run, { used: run.used + expected, active: run.active + 1, got: run.got + seconds });
    worker.at += seconds;
    worker.end = () => {
      Object.assign(run, {
        used: run.used + seconds - expected,
        active: run.active - 1,
        seconds: run.seconds + seconds,
        ended: run.ended + 1,
      });
    };
  }
}

describe('the choice of the next shard', () => {
  test('takes the most urgent run, whatever it has had', () => {
    const urgent = candidate('urgent', { priority: 1, used: 1e6, active: 50 });
    expect(chooseRuns([candidate('b'), urgent, candidate('a')])[0]).toBe('urgent');
  });

  test('among equals takes the one that has had least for its weight, then with fewest workers for it, then the oldest', () => {
    expect(
      chooseRuns([
        candidate('young', { submittedAt: 2 }),
        candidate('busy', { active: 1 }),
        candidate('old', { submittedAt: 1 }),
        candidate('heavy', { used: 30, weight: 3 }),
        candidate('light', { used: 20 }),
      ]),
    ).toEqual(['old', 'young', 'busy', 'heavy', 'light']);
  });

  test.each([1, 2, 3, 8, 50])(
    'gives each run its share of the time of %i workers, though their shards take unequally long',
    (workers) => {
      const next = random(workers);
      const loads = [
        { weight: 1, seconds: () => 1 + next() },
        { weight: 3, seconds: () => 20 * (0.5 + next()) },
        { weight: 2, seconds: () => 5 },
      ];
      const got = shareOut(loads, workers, 20_000);
      const all = got.reduce((sum, seconds) => sum + seconds, 0);
      for (const [place, { weight }] of loads.entries()) {
        expect((got[place] as number) / all).toBeCloseTo(weight / 6, 1);
      }
    },
  );

  test('does not let a run that joins late have all workers until it has caught up', () => {
    const there = [candidate('a', { used: 5000, weight: 2 }), candidate('b', { used: 9000 })];
    expect(initialUse(4, there)).toBe(10_000);
    expect(initialUse(4, [])).toBe(0);
  });

  test('takes a shard to be as long as those before it', () => {
    expect(expectedSeconds({ seconds: 30, ended: 3 })).toBe(10);
    expect(expectedSeconds({ seconds: 0, ended: 0 })).toBe(1);
  });
});
