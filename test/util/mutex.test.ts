import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Mutex } from '../../src/util/mutex.js';

const [LOCK, SLEEPERS, GATE, UP, DOWN, FAULTS] = [0, 1, 2, 3, 4, 5];

function start(fixture: string, workerData: unknown): Worker {
  const worker = new Worker(new URL(`./fixtures/${fixture}.mjs`, import.meta.url), { workerData });
  onTestFinished(async () => void (await worker.terminate()));
  return worker;
}

test('of threads that increment a plain word under the lock none loses an increment or sees half of one', async () => {
  const memory = new SharedArrayBuffer(64);
  const words = new Int32Array(memory);
  const times = 50_000;
  const workers = [1, 2, 3, 4].map((owner) => start('increment', { memory, owner, times }));
  const exits = workers.map((worker) => once(worker, 'exit'));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  Atomics.store(words, GATE, 1);
  Atomics.notify(words, GATE);
  await Promise.all(exits);
  expect([words[UP], words[DOWN], words[FAULTS]]).toEqual([4 * times, -4 * times, 0]);
  expect([words[LOCK], words[SLEEPERS]]).toEqual([0, 0]);
});

describe('the owner', () => {
  test('is readable while the lock is held, and nobody before and after', () => {
    const mutex = new Mutex(new Int32Array(new SharedArrayBuffer(8)), 0, 1);
    expect(mutex.owner).toBe(0);
    mutex.lock(7);
    expect(mutex.owner).toBe(7);
    mutex.unlock();
    expect(mutex.owner).toBe(0);
  });

  test('that dies in the critical section is known, and others go on once the lock is given back in its name', async () => {
    const memory = new SharedArrayBuffer(8);
    const mutex = new Mutex(new Int32Array(memory), LOCK, SLEEPERS);
    const dead = start('lock', { memory, owner: 5, dies: true });
    await once(dead, 'exit');
    expect(mutex.owner).toBe(5);
    const next = start('lock', { memory, owner: 6, dies: false });
    // Both before the unlock: the thread may be gone before its message is seen.
    const [locked, exited] = [once(next, 'message'), once(next, 'exit')];
    mutex.unlock();
    await locked;
    await exited;
    expect(mutex.owner).toBe(0);
  });
});

test('a thread that sleeps for the lock is woken when it is given back', async () => {
  const memory = new SharedArrayBuffer(8);
  const words = new Int32Array(memory);
  const mutex = new Mutex(words, LOCK, SLEEPERS);
  mutex.lock(1);
  const worker = start('lock', { memory, owner: 2, dies: false });
  const [locked, exited] = [once(worker, 'message'), once(worker, 'exit')];
  while (Atomics.load(words, SLEEPERS) === 0) await turn();
  expect(mutex.owner).toBe(1);
  mutex.unlock();
  await locked;
  await exited;
  expect([mutex.owner, words[SLEEPERS]]).toEqual([0, 0]);
});

describe('lockAsync', () => {
  test('takes a free lock at once', async () => {
    const mutex = new Mutex(new Int32Array(new SharedArrayBuffer(8)), LOCK, SLEEPERS);
    await mutex.lockAsync(3);
    expect(mutex.owner).toBe(3);
  });

  test('leaves the event loop free while another holds the lock, and gets it when that gives it back', async () => {
    const words = new Int32Array(new SharedArrayBuffer(8));
    const mutex = new Mutex(words, LOCK, SLEEPERS);
    mutex.lock(1);
    let locked = false;
    const locking = mutex.lockAsync(2).then(() => {
      locked = true;
    });
    for (let turns = 0; turns < 10; turns++) await turn();
    expect([locked, mutex.owner]).toEqual([false, 1]);
    mutex.unlock();
    await locking;
    expect([mutex.owner, words[SLEEPERS]]).toEqual([2, 0]);
  });

  test('takes turns with threads that lock, and none loses an increment', async () => {
    const memory = new SharedArrayBuffer(64);
    const words = new Int32Array(memory);
    const mutex = new Mutex(words, LOCK, SLEEPERS);
    const [times, own] = [20_000, 2000];
    const workers = [2, 3].map((owner) => start('increment', { memory, owner, times }));
    const exits = workers.map((worker) => once(worker, 'exit'));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    Atomics.store(words, GATE, 1);
    Atomics.notify(words, GATE);
    for (let i = 0; i < own; i++) {
      await mutex.lockAsync(1);
      const [up, down] = [words[UP] as number, words[DOWN] as number];
      if (mutex.owner !== 1 || up !== -down) words[FAULTS] = (words[FAULTS] as number) + 1;
      words[UP] = up + 1;
      words[DOWN] = down - 1;
      mutex.unlock();
    }
    await Promise.all(exits);
    expect([words[UP], words[DOWN], words[FAULTS]]).toEqual([2 * times + own, -2 * times - own, 0]);
    expect([words[LOCK], words[SLEEPERS]]).toEqual([0, 0]);
  });
});
