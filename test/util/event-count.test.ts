import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EventCount } from '../../src/util/event-count.js';

const [COUNT, WAITERS, TURN] = [0, 1, 2];
/** Long enough that whoever waits for it in vain fails by its elapsed time. */
const LONG_MS = 20_000;

class CountedEvent extends EventCount {
  readonly #words: Int32Array;

  constructor(words: Int32Array) {
    super(words, COUNT, WAITERS);
    this.#words = words;
  }

  get waiters(): number {
    return this.#words[WAITERS] as number;
  }
}

const event = (): CountedEvent => new CountedEvent(new Int32Array(new SharedArrayBuffer(8)));

async function elapsedMs(wait: () => unknown): Promise<number> {
  const started = performance.now();
  await wait();
  return performance.now() - started;
}

describe('between threads no wake-up is lost', () => {
  test.each([
    ['two that sleep blocked, 10,000 times', 2, 10_000, () => false],
    ['two that sleep in their event loop, 10,000 times', 2, 10_000, () => true],
    ['four of both kinds, 2,000 times', 4, 2000, (player: number) => player % 2 === 0],
  ])('%s', async (_, players, times, sleepsAsync) => {
    const memory = new SharedArrayBuffer(16);
    const words = new Int32Array(memory);
    const exits = Array.from({ length: players }, (_, player) => {
      const workerData = { memory, player, players, times, sleepsAsync: sleepsAsync(player) };
      const worker = new Worker(new URL('./fixtures/ping-pong.mjs', import.meta.url), { workerData });
      onTestFinished(async () => void (await worker.terminate()));
      return once(worker, 'exit');
    });
    await Promise.all(exits);
    expect(words[TURN]).toBe(0);
    expect(words[COUNT]).toBe(players * times);
    expect(words[WAITERS]).toBe(0);
  });
});

describe.each([
  ['wait', (e: EventCount, ticket: number, ms?: number) => e.wait(ticket, ms)],
  ['waitAsync', (e: EventCount, ticket: number, ms?: number) => e.waitAsync(ticket, ms)],
] as const)('%s', (_, wait) => {
  test('returns at once after a signal that came after the ticket', async () => {
    const e = event();
    const ticket = e.ticket();
    e.signal();
    expect(await elapsedMs(() => wait(e, ticket, LONG_MS))).toBeLessThan(LONG_MS / 2);
    expect(e.waiters).toBe(0);
  });

  test('returns when the time is over and nothing was signalled', async () => {
    const e = event();
    // Timers may fire up to a millisecond early.
    expect(await elapsedMs(() => wait(e, e.ticket(), 20))).toBeGreaterThanOrEqual(18);
    expect(e.waiters).toBe(0);
  });

  test('takes a signal before the ticket for nothing new', async () => {
    const e = event();
    e.signal();
    expect(await elapsedMs(() => wait(e, e.ticket(), 20))).toBeGreaterThanOrEqual(18);
  });
});

test('who waits asynchronously is counted, leaves the event loop free, and is woken with all others', async () => {
  const e = event();
  const ticket = e.ticket();
  let woken = 0;
  const waits = [1, 2, 3].map(() => e.waitAsync(ticket, LONG_MS).then(() => woken++));
  await turn();
  expect([e.waiters, woken]).toEqual([3, 0]);
  const elapsed = await elapsedMs(() => {
    e.signal();
    return Promise.all(waits);
  });
  expect(elapsed).toBeLessThan(LONG_MS / 2);
  expect([e.waiters, woken]).toEqual([0, 3]);
});

test('a ticket changes with every signal, also where nobody waits', () => {
  const e = event();
  const before = e.ticket();
  expect(e.ticket()).toBe(before);
  e.signal();
  expect(e.ticket()).not.toBe(before);
});
