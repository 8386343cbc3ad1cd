import { readdirSync } from 'node:fs';
import { beforeEach, expect, test, vi } from 'vitest';
import { openOutput } from '../../src/storage/output.js';
import { StorageError } from '../../src/util/errors.js';
import { workspace } from '../helpers/workspace.js';

const disk = vi.hoisted(() => ({ isFull: false }));

// As FAT and some network file systems are; where the disk is full, it is for files that have their name already.
vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof import('node:fs/promises')>();
  return {
    ...actual,
    link: () => Promise.reject(Object.assign(new Error('no links here'), { code: 'EPERM' })),
    open: async (path: string, flags: string) => {
      const handle = await actual.open(path, flags);
      if (disk.isFull && path.endsWith('/f')) handle.datasync = () => Promise.reject(new Error('no space'));
      return handle;
    },
  };
});

beforeEach(() => {
  disk.isFull = false;
});

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
  disk.isFull = true;
  await expect(store.create('f', Buffer.from('text'))).rejects.toBeInstanceOf(StorageError);
  expect(readdirSync(at())).toEqual([]);
});
