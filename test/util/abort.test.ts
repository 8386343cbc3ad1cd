import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { unlessAborted } from '../../src/util/abort.js';

const never = new Promise<never>(() => {});

describe('work that an abort ends the waiting for', () => {
  test('comes to what it does, as long as there is none', async () => {
    const { signal } = new AbortController();
    await expect(unlessAborted(Promise.resolve(7), signal)).resolves.toBe(7);
    await expect(unlessAborted(Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('is not waited for once it comes, or where it has come before', async () => {
    const controller = new AbortController();
    const waiting = unlessAborted(never, controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(unlessAborted(never, controller.signal)).rejects.toThrow('enough');
  });

  test('may fail after it', async () => {
    const controller = new AbortController();
    let fail = (_: Error): void => {};
    const work = new Promise<void>((_, reject) => {
      fail = reject;
    });
    const waiting = unlessAborted(work, controller.signal);
    controller.abort(new Error('enough'));
    fail(new Error('too late'));
    await expect(waiting).rejects.toThrow('enough');
  });

  test('may be no promise of the language, but one that looks like it', async () => {
    // biome-ignore lint/suspicious/noThenProperty: that is what it is about
    const work = { then: (resolve: (value: number) => void) => resolve(3) } as PromiseLike<number>;
    await expect(unlessAborted(work, new AbortController().signal)).resolves.toBe(3);
  });
});
