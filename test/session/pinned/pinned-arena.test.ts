import { afterEach, expect, test } from 'vitest';
import { openPages } from '../../../dist/session/pinned/pages.js';
import { PinnedArena } from '../../../dist/session/pinned/pinned-arena.js';
import { workspace } from '../../helpers/workspace.js';
import { callsIn, compileCudaStub, stillRegistered } from './stub.js';

afterEach(() => {
  for (const name of ['STUB_LOG', 'STUB_BUDGET']) delete process.env[name];
});

async function arenaOf(count: number): Promise<{ arena: SharedArrayBuffer; start: number; page: number }> {
  const pages = await openPages();
  if (pages === undefined) throw new Error('no koffi');
  const arena = new SharedArrayBuffer((count + 1) * pages.bytes);
  return { arena, start: pages.startIn(arena), page: pages.bytes };
}

test('an arena is pinned piece by piece, and all of it let go at the end', async (context) => {
  const at = workspace();
  process.env.STUB_LOG = at('log');
  const { arena, start, page } = await arenaOf(8);
  const pinned = new PinnedArena(arena, 0, compileCudaStub(context, at('libcuda.so.1')));
  await Promise.all([pinned.pin(start, start + 2 * page), pinned.pin(start + 2 * page, start + 8 * page)]);
  const registered = callsIn(at('log')).filter(({ name }) => name === 'register');
  expect(registered.map(({ bytes }) => bytes / page)).toEqual([2, 6]);
  expect((registered[1]?.address ?? 0) - (registered[0]?.address ?? 0)).toBe(2 * page);
  await pinned[Symbol.asyncDispose]();
  expect(stillRegistered(callsIn(at('log')))).toEqual([]);
});

test('a piece that the driver refuses leaves the others as they are', async (context) => {
  const at = workspace();
  process.env.STUB_LOG = at('log');
  const { arena, start, page } = await arenaOf(8);
  process.env.STUB_BUDGET = String(4 * page);
  const pinned = new PinnedArena(arena, 0, compileCudaStub(context, at('libcuda.so.1')));
  await pinned.pin(start, start + 3 * page);
  await expect(pinned.pin(start + 3 * page, start + 8 * page)).rejects.toThrow('CUDA_ERROR_OUT_OF_MEMORY');
  expect(stillRegistered(callsIn(at('log')))).toHaveLength(1);
  await pinned[Symbol.asyncDispose]();
  expect(stillRegistered(callsIn(at('log')))).toEqual([]);
});

test('without a driver there is an error, and nothing to let go', async () => {
  const { arena, start, page } = await arenaOf(1);
  const pinned = new PinnedArena(arena, 0, workspace()('absent.so'));
  await expect(pinned.pin(start, start + page)).rejects.toThrow("can't be loaded");
  await pinned[Symbol.asyncDispose]();
});
