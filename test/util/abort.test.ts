import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { unlessAborted } from '../../src/util/abort.js';

test('work comes to what it comes to, and leaves no listener at the signal', async () => {
  const { signal } = new AbortController();
  expect(await unlessAborted(Promise.resolve(7), signal)).toBe(7);
  await expect(unlessAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('work is waited for until the signal aborts, and fails unheard after that', async () => {
  const controller = new AbortController();
  let fail: (error: Error) => void = () => {};
  const work = new Promise<number>((_, reject) => {
    fail = reject;
  });
  const waiting = unlessAborted(work, controller.signal);
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(unlessAborted(work, controller.signal)).rejects.toThrow('enough');
  fail(new Error('too late'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
});
