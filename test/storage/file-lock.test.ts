import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { exclusively } from '../../src/storage/file-lock.js';
import { thisProcess } from '../../src/util/process-identity.js';
import { workspace } from '../helpers/workspace.js';

describe('work that is done exclusively', () => {
  test('is done by one after the other', async () => {
    const lock = workspace()('lock');
    let [now, most, done] = [0, 0, 0];
    const work = async (): Promise<void> => {
      most = Math.max(most, ++now);
      await new Promise(setImmediate);
      now--;
      done++;
    };
    await Promise.all(Array.from({ length: 5 }, () => exclusively(lock, undefined, work)));
    expect([most, done]).toEqual([1, 5]);
    expect(existsSync(lock)).toBe(false);
  });

  test('is over when it fails', async () => {
    const lock = workspace()('lock');
    const failure = exclusively(lock, undefined, () => Promise.reject(new Error('it does not work')));
    await expect(failure).rejects.toThrow('it does not work');
    expect(await exclusively(lock, undefined, async () => 'mine')).toBe('mine');
  });

  test.each([
    [
      'a process that has ended',
      (lock: string) => {
        // Another one, whose number it had.
        const { pid } = spawnSync(process.execPath, ['-e', '']);
        writeFileSync(lock, JSON.stringify({ id: 'x', process: { ...thisProcess(), pid, started: '1' } }));
      },
    ],
    [
      'somebody who has shown no sign of life',
      (lock: string) => {
        const holder = { host: 'other', pid: 1, space: 'another machine' };
        writeFileSync(lock, JSON.stringify({ id: 'x', process: holder }));
        utimesSync(lock, 1e9, 1e9);
      },
    ],
    [
      'somebody who died before a word was written',
      (lock: string) => {
        writeFileSync(lock, '');
        utimesSync(lock, 1e9, 1e9);
      },
    ],
  ])('is taken over from %s', async (_, leave) => {
    const lock = workspace()('lock');
    leave(lock);
    expect(await exclusively(lock, undefined, async () => readFileSync(lock, 'utf8'))).toContain(
      `"pid":${process.pid}`,
    );
    expect(existsSync(lock)).toBe(false);
  });

  test('is not waited for once the signal says so', async () => {
    const lock = workspace()('lock');
    const controller = new AbortController();
    const reason = new Error('enough');
    await exclusively(lock, undefined, async () => {
      const waiting = exclusively(lock, controller.signal, async () => 'never');
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
    });
  });
});
