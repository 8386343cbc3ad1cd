import { existsSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { CacheDirectory } from '../../src/storage/cache-directory.js';
import { workspace } from '../helpers/workspace.js';

vi.mock('node:fs/promises', async (original) => ({
  ...(await original<typeof import('node:fs/promises')>()),
  readdir: () => Promise.reject(Object.assign(new Error('it is gone'), { code: 'ENOENT' })),
}));

test('a cache whose directory somebody takes away meanwhile is no error for whoever reads', async () => {
  const directory = new CacheDirectory(workspace()('cache'), 1000);
  const path = directory.pathOf(`${'0'.repeat(40)}-0`);
  await directory.keep(path, [new Uint8Array(10)]);
  expect(existsSync(path)).toBe(true);
});
