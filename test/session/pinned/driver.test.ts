import { afterEach, describe, expect, test } from 'vitest';
import { planSlotLayout } from '../../../src/ring/layout.js';
import { createRingMemory, type PageGrid } from '../../../src/ring/ring.js';
import { CudaDriver } from '../../../src/session/pinned/driver.js';
import { openPages } from '../../../src/session/pinned/pages.js';
import { openDriver } from '../../../src/session/pinned/policy.js';
import { DeviceError } from '../../../src/util/errors.js';
import { workspace } from '../../helpers/workspace.js';
import { callsIn, compileCudaStub, stillRegistered } from './stub.js';

const PORTABLE = 1;

afterEach(() => {
  for (const name of ['STUB_LOG', 'STUB_FAILS', 'STUB_CODE', 'STUB_BUDGET']) delete process.env[name];
});

async function pages(): Promise<PageGrid> {
  const found = await openPages();
  if (found === undefined) throw new Error('no koffi');
  return found;
}

function pagesOf(grid: PageGrid, count: number): Uint8Array {
  const arena = new SharedArrayBuffer((count + 1) * grid.bytes);
  return new Uint8Array(arena, grid.startIn(arena), count * grid.bytes);
}

describe('the driver', () => {
  test('registers memory for every context, unregisters it, and lets its context go', async (context) => {
    const at = workspace();
    process.env.STUB_LOG = at('log');
    const driver = await CudaDriver.open(1, compileCudaStub(context, at('libcuda.so.1')));
    const memory = pagesOf(await pages(), 3);
    driver.register(memory);
    driver.unregister(memory);
    driver.close();
    const calls = callsIn(at('log'));
    expect(calls.map(({ name }) => name)).toEqual(['retain', 'register', 'unregister', 'release']);
    expect(calls[0]?.address, 'the GPU that was asked for').toBe(1);
    expect(calls[1]).toMatchObject({ bytes: memory.length, flags: PORTABLE });
    expect(calls[2]?.address).toBe(calls[1]?.address);
  });

  test('says what the driver said, by its name', async (context) => {
    const at = workspace();
    const library = compileCudaStub(context, at('libcuda.so.1'));
    const driver = await CudaDriver.open(0, library);
    const memory = pagesOf(await pages(), 2);
    driver.register(memory);
    expect(() => driver.register(memory)).toThrow(
      'cuMemHostRegister failed with CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED (712)',
    );
    driver.unregister(memory);
    expect(() => driver.unregister(memory)).toThrow('CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED (713)');
    driver.close();
    await expect(CudaDriver.open(7, library)).rejects.toThrow(
      'cuDeviceGet failed with CUDA_ERROR_INVALID_DEVICE (101)',
    );
    process.env.STUB_FAILS = 'cuInit';
    process.env.STUB_CODE = '100';
    await expect(CudaDriver.open(0, library)).rejects.toMatchObject({
      message: 'cuInit failed with CUDA_ERROR_NO_DEVICE (100)',
      hint: expect.stringContaining('CUDA_VISIBLE_DEVICES'),
    });
    process.env.STUB_CODE = '4242';
    await expect(CudaDriver.open(0, library)).rejects.toThrow('cuInit failed with an unknown error (4242)');
  });

  test('that is not there, or is no driver, is an error that says so', async () => {
    const at = workspace();
    await expect(CudaDriver.open(0, at('absent.so'))).rejects.toThrow(
      /NVIDIA's driver, .*absent\.so, can't be loaded/,
    );
    if (process.platform === 'linux')
      await expect(CudaDriver.open(0, 'libc.so.6')).rejects.toThrow(DeviceError);
  });
});

describe('a session asks for the driver', () => {
  const cuda = { id: 'cuda:1', provider: 'cuda' };

  test('only where it copies to a GPU, and memory is to be pinned', async () => {
    expect(await openDriver({ pinned: 'auto' }, { id: 'cpu', provider: 'cpu' })).toBeUndefined();
    expect(await openDriver({ pinned: 'auto' }, { id: 'webgpu:0', provider: 'webgpu' })).toBeUndefined();
    expect(await openDriver({ pinned: false }, cuda)).toBeUndefined();
    expect(await openDriver({}, cuda)).toBeUndefined();
  });

  test('and does without, or does not, where there is none', async () => {
    const absent = workspace()('absent.so');
    expect(await openDriver({ pinned: 'auto' }, cuda, absent)).toContain("can't be loaded");
    await expect(openDriver({ pinned: true }, cuda, absent)).rejects.toThrow("can't be loaded");
  });
});

describe('a ring that is to be pinned', () => {
  const layout = planSlotLayout(
    [{ length: 1, capacity: 3 }],
    [{ name: 'x', dtype: 'uint8', rowDims: [5] }],
    [],
  );
  const config = { slots: 4, lanes: 1, splits: 1, maxDelayMicros: 0, fixedOrder: false };

  test('has whole pages for every slot', async (context) => {
    const at = workspace();
    process.env.STUB_LOG = at('log');
    const grid = await pages();
    const { arena, start, layout: own } = createRingMemory(layout, config, config, grid);
    expect(own.slotBytes).toBe(grid.bytes);
    const driver = await CudaDriver.open(0, compileCudaStub(context, at('libcuda.so.1')));
    // Each by itself: none has a page with another, or the driver would say so.
    const slots = [0, 1, 2, 3].map(
      (slot) => new Uint8Array(arena, start + slot * own.slotBytes, own.slotBytes),
    );
    for (const slot of slots) driver.register(slot);
    for (const slot of slots) driver.unregister(slot);
    driver.close();
    expect(stillRegistered(callsIn(at('log')))).toEqual([]);
  });

  test('and is as it was where it is not', () => {
    const { arena, start, layout: own } = createRingMemory(layout, config);
    expect({ bytes: arena.byteLength, start }).toEqual({ bytes: 4 * layout.slotBytes, start: 0 });
    expect(own).toBe(layout);
  });
});
