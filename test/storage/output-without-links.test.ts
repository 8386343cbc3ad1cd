import { existsSync, readdirSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { openOutput } from '../../src/storage/output.js';
import { StorageError } from '../../src/util/errors.js';
import { workspace } from '../helpers/workspace.js';

// As FAT and some network file systems are.
vi.mock('node:fs/promises', async (original) => ({
  ...(await original<typeof import('node:fs/promises')>()),
  link: () => Promise.reject(Object.assign(new Error('no links here'), { code: 'EPERM' })),
}));

test('where there are no links, a file is created once all the same', async () => {
  const at = workspace();
  const store = await openOutput({ uri: at(), options: {} });
  const names = Array.from({ length: 20 }, (_, i) => `writer ${i}`);
  const created = await Promise.all(names.map((name) => store.create('f', Buffer.from(name))));
  expect(created.filter(Boolean)).toHaveLength(1);
  expect(Buffer.from((await store.read('f')) ?? []).toString()).toBe(names[created.indexOf(true)]);
  expect(readdirSync(at())).toEqual(['f']);
});

test('where there are no links, half a file is not left behind', async () => {
  const at = workspace();
  const store = await openOutput({ uri: at(), options: {} });
  // The disk is full as soon as the file has its name.
  const bytes = new Proxy(new Uint8Array(1), {
    get: (target, key) => {
      if (key === 'byteLength' && existsSync(at('f'))) throw new Error('no space');
      return Reflect.get(target, key, target);
    },
  });
  await expect(store.create('f', bytes)).rejects.toBeInstanceOf(StorageError);
  expect(readdirSync(at())).toEqual([]);
});
