import { afterEach, describe, expect, test } from 'vitest';
import { isToBePinned, PinnedRing } from '../../dist/job/pinned-ring.js';
import { planSlotLayout } from '../../dist/ring/layout.js';
import { createRingMemory, Ring } from '../../dist/ring/ring.js';
import { openPages } from '../../dist/session/pinned/pages.js';
import { workspace } from '../helpers/workspace.js';
import { callsIn, compileCudaStub, stillRegistered } from '../session/pinned/stub.js';

const CUDA = { id: 'cuda:0', runtime: 'onnx', provider: 'cuda', simulated: false };
const CPU = { id: 'cpu', runtime: 'onnx', provider: 'cpu', simulated: false };
const JOB = { ring: { pinned: 'auto' }, model: { isolation: 'thread' } } as const;

afterEach(() => {
  for (const name of ['STUB_LOG', 'STUB_BUDGET']) delete process.env[name];
});

/** Of eight slots, two in use. */
async function ringOf(): Promise<Ring> {
  const layout = planSlotLayout(
    [{ length: 1, capacity: 3 }],
    [{ name: 'x', dtype: 'uint8', rowDims: [5] }],
    [],
  );
  const config = { slots: 8, lanes: 1, splits: 1, maxDelayMicros: 0, fixedOrder: false };
  return new Ring(createRingMemory(layout, config, { slots: 2, lanes: 1 }, await openPages()), 1);
}

describe('a ring', () => {
  test('is pinned as far as it is in use, and further as more of it is', async (context) => {
    const at = workspace();
    process.env.STUB_LOG = at('log');
    const ring = await ringOf();
    const { slotBytes } = ring.layout;
    const library = compileCudaStub(context, at('libcuda.so.1'));
    const pinned = await PinnedRing.pin(ring, CUDA, JOB, [undefined, undefined], library);
    expect(pinned.told).toEqual({ bytes: 2 * slotBytes, what: 'ring' });
    pinned.grow(5);
    pinned.grow(5);
    pinned.grow(8);
    await pinned[Symbol.asyncDispose]();
    const calls = callsIn(at('log'));
    const registered = calls.filter(({ name }) => name === 'register');
    expect(registered.map(({ bytes }) => bytes / slotBytes)).toEqual([2, 3, 3]);
    expect(pinned.told).toEqual({ bytes: 8 * slotBytes, what: 'ring' });
    expect(stillRegistered(calls)).toEqual([]);
  });

  test('that can be pinned in part only goes on with that', async (context) => {
    const at = workspace();
    const ring = await ringOf();
    const { slotBytes } = ring.layout;
    process.env.STUB_BUDGET = String(3 * slotBytes);
    const library = compileCudaStub(context, at('libcuda.so.1'));
    const job = { ...JOB, ring: { pinned: true } };
    const pinned = await PinnedRing.pin(ring, CUDA, job, [undefined], library);
    pinned.grow(8);
    await pinned[Symbol.asyncDispose]();
    expect(pinned.told).toMatchObject({
      bytes: 2 * slotBytes,
      error: expect.stringContaining('OUT_OF_MEMORY'),
    });
    expect(pinned.warnings).toHaveLength(1);
  });

  test('stays as it is where sessions copy slots into memory of their own, which they pin', async () => {
    const stagings = [
      { bytes: 8192, pinnedBytes: 8192, error: undefined },
      { bytes: 8192, pinnedBytes: 4096, error: 'no more' },
    ];
    const pinned = await PinnedRing.pin(await ringOf(), CUDA, JOB, stagings, workspace()('absent.so'));
    expect(pinned.told).toEqual({ bytes: 12_288, what: 'staging', error: 'no more' });
    pinned.grow(8);
    await pinned[Symbol.asyncDispose]();
  });
});

describe('memory is to be pinned', () => {
  test('for devices that batches are copied to, from threads of this process', () => {
    expect(isToBePinned(JOB, CUDA)).toBe(true);
    expect(isToBePinned(JOB, { ...CUDA, provider: 'tensorrt' })).toBe(true);
    expect(isToBePinned(JOB, CPU)).toBe(false);
    expect(isToBePinned(JOB, { ...CPU, id: 'webgpu:0', provider: 'webgpu' })).toBe(false);
    expect(isToBePinned({ ...JOB, model: { isolation: 'process' } }, CUDA)).toBe(false);
    expect(isToBePinned({ ...JOB, ring: { pinned: false } }, CUDA)).toBe(false);
  });

  test('or it is an error, where it must be', () => {
    const must = { ring: { pinned: true }, model: { isolation: 'thread' } } as const;
    expect(isToBePinned(must, CUDA)).toBe(true);
    expect(() => isToBePinned(must, CPU)).toThrow('the model is on cpu');
    expect(() => isToBePinned({ ...must, model: { isolation: 'process' } }, CUDA)).toThrow(
      'exclude each other',
    );
  });
});
