import { expect, test } from 'vitest';
import { random } from '../helpers/random.js';
import { outputOf, recording, requestOf, serving } from './serving.js';

const ROUNDS = 3;
const CLIENTS = 30;
const REQUESTS = 15;
/** Values that the model rejects. */
const BAD = Array.from({ length: 150 }, (_, i) => 37 * i + 7);

test.each([
  { instances: 1, size: 5, maxDelayMs: 0 },
  { instances: 3, size: 4, maxDelayMs: 0 },
  { instances: 2, size: 7, maxDelayMs: 2 },
])(
  'requests of all kinds at once are each answered with their own, or refused for a reason: %o',
  async (how) => {
    const { instances, size, maxDelayMs } = how;
    const seed = Math.floor(Math.random() * 2 ** 31);
    const next = random(seed);
    const device = recording();
    const one = (endpoints: object): object => {
      const { model } = device.model({ rejects: BAD }) as { model: object };
      return {
        model: { ...model, instances },
        batch: { size, maxDelayMs },
        queue: { maxRows: 60 },
        endpoints,
      };
    };
    const engine = await serving({
      models: {
        a: one({ fast: { priority: 1, weight: 2 }, slow: { priority: 2, deadlineMs: 40 } }),
        b: one({ other: { priority: 1, weight: 1, deadlineMs: 1000 } }),
      },
    });
    let value = 1;
    const counts: Record<string, number> = {};
    const client = async (): Promise<void> => {
      for (let i = 0; i < REQUESTS; i++) {
        const rows = 1 + Math.floor(next() ** 3 * 20);
        const values = Array.from({ length: rows }, () => value++);
        const endpoint = ['fast', 'slow', 'other'][Math.floor(next() * 3)] as string;
        const gone = new AbortController();
        const answer = engine.infer(
          requestOf(endpoint, values, {
            priority: Math.floor(next() * 4),
            ...(next() < 0.3 && { timeoutMicros: 500 + next() * 30_000 }),
          }),
          gone.signal,
        );
        if (next() < 0.2) setImmediate(() => gone.abort());
        const outcome = await answer.then(
          (result) => {
            expect(outputOf(result), `seed ${seed}`).toEqual(values.map((x) => x * 2));
            return 'answered';
          },
          (error) => {
            if (error.code !== 'REFUSED') throw error;
            if (error.reason === 'rejected') expect(values.some((x) => BAD.includes(x))).toBe(true);
            return error.reason as string;
          },
        );
        counts[outcome] = (counts[outcome] ?? 0) + 1;
      }
    };
    for (let round = 0; round < ROUNDS; round++) await Promise.all(Array.from({ length: CLIENTS }, client));
    const allowed = ['answered', 'full', 'late', 'expired', 'gone', 'rejected'];
    expect(Object.keys(counts).filter((reason) => !allowed.includes(reason))).toEqual([]);
    expect(counts.answered).toBeGreaterThan(0);
    const stats = engine.stats();
    const sum = (of: (one: (typeof stats.endpoints)[number]) => number): number =>
      stats.endpoints.reduce((total, endpoint) => total + of(endpoint), 0);
    expect(sum(({ succeeded }) => succeeded)).toBe(counts.answered);
    const refused = Object.entries(counts).filter(([reason]) => reason !== 'answered');
    for (const [reason, count] of refused) expect(sum((one) => one.refused[reason] ?? 0)).toBe(count);
    expect(sum(({ queuedRows }) => queuedRows)).toBe(0);
    await engine.drain();
    // Nothing runs twice, but what shares a batch with a row that the model rejects.
    const { batches } = device;
    const bad = batches.flatMap((batch) => (batch.some((x) => BAD.includes(x)) ? batch : []));
    const good = batches.flat().filter((x) => !bad.includes(x));
    expect(new Set(good).size, `seed ${seed}`).toBe(good.length);
  },
);
