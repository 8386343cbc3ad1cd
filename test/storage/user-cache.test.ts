import { homedir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { userCache } from '../../src/storage/user-cache.js';
import { UsageError } from '../../src/util/errors.js';

describe("a user's cache", () => {
  test('is where the environment says, and as large', () => {
    expect(userCache({ PENSTOCK_CACHE: '/var/cache/p', PENSTOCK_CACHE_BYTES: '1000' })).toEqual({
      dir: path.resolve('/var/cache/p'),
      maxBytes: 1000,
    });
  });

  test.runIf(process.platform === 'linux').each([
    [{}, path.join(homedir(), '.cache/penstock')],
    [{ XDG_CACHE_HOME: '/xdg' }, '/xdg/penstock'],
    [{ XDG_CACHE_HOME: 'relative' }, path.join(homedir(), '.cache/penstock')],
    [{ PENSTOCK_CACHE: '', XDG_CACHE_HOME: '/xdg' }, '/xdg/penstock'],
  ])('is by default where the system keeps such: %o', (env, dir) => {
    expect(userCache(env)).toEqual({ dir, maxBytes: 20 * 2 ** 30 });
  });

  test.each(['x', '-1', '0', '1.5'])('of %s bytes is refused', (bytes) => {
    expect(() => userCache({ PENSTOCK_CACHE_BYTES: bytes })).toThrow(UsageError);
  });
});
