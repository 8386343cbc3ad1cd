import { describe, expect, test } from 'vitest';
import { Budget } from '../../src/storage/budget.js';
import { delayBefore, mayTry, type RetryPolicy, retrying } from '../../src/storage/retry.js';

const POLICY: RetryPolicy = { retries: 3, baseMs: 100, capMs: 1000, totalMs: 5000 };

describe('the wait before another try', () => {
  test('doubles from one to the next, up to the cap', () => {
    expect([1, 2, 3, 4, 5, 20].map((attempt) => delayBefore(attempt, POLICY, 1))).toEqual([
      100, 200, 400, 800, 1000, 1000,
    ]);
  });

  test('is any part of that, by chance', () => {
    expect([0, 0.25, 0.5].map((random) => delayBefore(2, POLICY, random))).toEqual([0, 50, 100]);
  });
});

test('another try is made as long as neither their number nor their time is used up', () => {
  expect(mayTry(3, 0, POLICY)).toBe(true);
  expect(mayTry(4, 0, POLICY)).toBe(false);
  expect(mayTry(1, 5000, POLICY)).toBe(true);
  expect(mayTry(1, 5001, POLICY)).toBe(false);
});

describe('trying', () => {
  const quick = { ...POLICY, baseMs: 0 };
  const options = {
    policy: quick,
    canPass: (error: unknown) => error === 'busy',
    giveUp: (error: unknown, { attempts }: { attempts: number }) => new Error(`${error} after ${attempts}`),
  };

  function failing(...errors: string[]): () => Promise<string> {
    return async () => {
      const error = errors.shift();
      if (error !== undefined) throw error;
      return 'done';
    };
  }

  test('goes on until it goes well', async () => {
    expect(await retrying(failing('busy', 'busy', 'busy'), options)).toBe('done');
  });

  test('ends after so many tries', async () => {
    await expect(retrying(failing('busy', 'busy', 'busy', 'busy'), options)).rejects.toThrow('busy after 4');
  });

  test('ends at once with what can not pass', async () => {
    await expect(retrying(failing('busy', 'gone'), options)).rejects.toThrow('gone after 2');
  });

  test('ends with what it is aborted with, also while it waits', async () => {
    const controller = new AbortController();
    const slow = { ...options, policy: { ...POLICY, baseMs: 1e6, capMs: 1e6, totalMs: 1e9 } };
    const trying = retrying(
      async () => {
        setImmediate(() => controller.abort(new Error('stop')));
        throw 'busy';
      },
      { ...slow, signal: controller.signal },
    );
    await expect(trying).rejects.toThrow('stop');
  });
});

describe('a budget', () => {
  test('lets in as much as it has, in the order of asking', async () => {
    const budget = new Budget(10);
    const log: string[] = [];
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const work = (name: string, until: Promise<void>) => async () => {
      log.push(`${name} in`);
      await until;
      log.push(`${name} out`);
    };
    const all = [
      budget.run(6, work('a', gate)),
      budget.run(6, work('b', Promise.resolve())),
      // Would fit beside a, but b was first.
      budget.run(1, work('c', Promise.resolve())),
    ];
    await Promise.resolve();
    expect(log).toEqual(['a in']);
    open();
    await Promise.all(all);
    expect(log.indexOf('b in')).toBeGreaterThan(log.indexOf('a out'));
    expect(log.indexOf('c in')).toBeGreaterThan(log.indexOf('b in'));
  });

  test('gives back what failed had taken, and lets in alone what is larger than it', async () => {
    const budget = new Budget(10);
    const failure = budget.run(100, () => Promise.reject(new Error('no')));
    await expect(failure).rejects.toThrow('no');
    expect(await budget.run(100, async () => 'in')).toBe('in');
  });
});
