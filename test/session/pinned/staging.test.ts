import { afterEach, expect, test } from 'vitest';
import { openDriver } from '../../../src/session/pinned/policy.js';
import { Staging } from '../../../src/session/pinned/staging.js';
import type { TensorView } from '../../../src/session/types.js';
import { workspace } from '../../helpers/workspace.js';
import { callsIn, compileCudaStub, stillRegistered } from './stub.js';

const CUDA = { id: 'cuda:0', provider: 'cuda' };

afterEach(() => {
  for (const name of ['STUB_LOG', 'STUB_FAILS', 'STUB_CODE']) delete process.env[name];
});

function view(name: string, length: number): TensorView {
  return {
    name,
    dtype: 'float32',
    dims: [length],
    data: new Float32Array(new SharedArrayBuffer(length * 4)),
  };
}

test('every tensor has one region, as large as its largest batch so far', async () => {
  const staging = await Staging.open(undefined);
  const [small, large, other] = [view('x', 10), view('x', 100), view('y', 10)];
  const before = staging.of(small);
  expect(before.data).toHaveLength(10);
  expect(before.data.buffer).not.toBeInstanceOf(SharedArrayBuffer);
  expect(staging.of(small), 'the same for the same view: sessions keep what they make of one').toBe(before);
  expect(staging.of(large).data).toHaveLength(100);
  const after = staging.of(small);
  expect(after.data.buffer, 'both lie in the same memory').toBe(staging.of(large).data.buffer);
  expect(staging.of(other).data.buffer).not.toBe(after.data.buffer);
  expect(staging.memory).toEqual({ bytes: 440, pinnedBytes: 0, error: undefined });
  staging.close();
});

test('regions are whole pages that are pinned, and no longer once they are replaced or given up', async (context) => {
  const at = workspace();
  process.env.STUB_LOG = at('log');
  const library = compileCudaStub(context, at('libcuda.so.1'));
  const staging = await Staging.open(() => openDriver({ pinned: true }, CUDA, library));
  const [small, large] = [view('x', 10), view('x', 5000)];
  staging.of(small).data.set([1] as never);
  const { bytes, pinnedBytes } = staging.memory;
  expect(bytes).toBe(pinnedBytes);
  expect(bytes).toBeGreaterThanOrEqual(40);
  staging.of(large).data.set([2] as never);
  staging.of(view('y', 3));
  const registered = callsIn(at('log')).filter(({ name }) => name === 'register');
  expect(registered).toHaveLength(3);
  expect(stillRegistered(callsIn(at('log')))).toEqual(registered.slice(1).map(({ address }) => address));
  expect(staging.memory.pinnedBytes).toBe(registered.slice(1).reduce((sum, call) => sum + call.bytes, 0));
  staging.close();
  const calls = callsIn(at('log'));
  expect(stillRegistered(calls)).toEqual([]);
  expect(calls.at(-1)?.name).toBe('release');
});

test('what the driver refuses is an error only where it must be pinned', async (context) => {
  const at = workspace();
  process.env.STUB_FAILS = 'cuMemHostRegister';
  process.env.STUB_CODE = '2';
  const library = compileCudaStub(context, at('libcuda.so.1'));
  const staging = await Staging.open(() => openDriver({ pinned: 'auto' }, CUDA, library));
  expect(staging.of(view('x', 10)).data).toHaveLength(10);
  expect(staging.memory.pinnedBytes).toBe(0);
  expect(staging.memory.error).toContain('CUDA_ERROR_OUT_OF_MEMORY');
  staging.close();
  const strict = await Staging.open(() => openDriver({ pinned: true }, CUDA, library));
  expect(() => strict.of(view('x', 10))).toThrow('CUDA_ERROR_OUT_OF_MEMORY');
  strict.close();
});
