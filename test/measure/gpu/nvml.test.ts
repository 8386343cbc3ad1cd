import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { openNvml } from '../../../src/measure/gpu/nvml.js';
import { workspace } from '../../helpers/workspace.js';
import { compileStub } from './stub.js';

afterEach(() => {
  delete process.env.STUB_FAILS;
  delete process.env.STUB_EMPTY;
  delete process.env.STUB_LOG;
});

test('every number of a GPU comes through, GPM counters from the second sample on', async (context) => {
  const at = workspace();
  const probe = await openNvml(compileStub(context, at('libnvidia-ml.so.1')));
  if (probe === undefined) throw new Error('no probe');
  expect(probe).toMatchObject({ source: 'nvml', driver: '550.54.15', cuda: '12.4' });
  expect(probe.devices()).toEqual([
    { index: 0, name: 'NVIDIA Stub H100', uuid: 'GPU-0a' },
    { index: 1, name: 'NVIDIA Stub T4', uuid: 'GPU-1b' },
  ]);
  expect(probe.memoryBytes(0)).toBe(80 * 2 ** 30);
  const told = {
    gpu: 0.87,
    memoryBusy: 0.41,
    memoryUsedBytes: 10 * 2 ** 30,
    watts: 412.5,
    celsius: 61,
    smClockMhz: 2000,
    memoryClockMhz: 3000,
  };
  const counters = { smActive: null, smOccupancy: null, tensorActive: null, dramActive: null };
  const pcie = { pcieSentBytesPerSecond: null, pcieReceivedBytesPerSecond: null };
  expect(probe.sample(0)).toEqual({ ...told, ...counters, ...pcie });
  expect(probe.sample(0), 'too soon for another sample of the counters').toMatchObject(counters);
  await sleep(120);
  expect(probe.sample(0)).toEqual({
    ...told,
    smActive: 0.625,
    smOccupancy: 0.25,
    tensorActive: 0.125,
    dramActive: 0.5,
    pcieSentBytesPerSecond: 3 * 2 ** 20,
    pcieReceivedBytesPerSecond: 2 ** 31,
  });
  await sleep(120);
  expect(probe.sample(0)?.smActive, 'samples change places').toBe(0.625);
  probe.close();
});

test('what a card does not tell is null; slow questions are asked once in ten samples', async (context) => {
  const at = workspace();
  process.env.STUB_LOG = at('log');
  const probe = await openNvml(compileStub(context, at('libnvidia-ml.so.1')));
  const samples = Array.from({ length: 11 }, () => probe?.sample(1));
  expect(samples[0]).toMatchObject({
    gpu: 0.05,
    watts: null,
    smActive: null,
    pcieSentBytesPerSecond: 700_000,
    pcieReceivedBytesPerSecond: 9_000_000,
  });
  expect(samples.map((sample) => sample?.pcieSentBytesPerSecond !== null)).toEqual([
    true,
    ...Array(9).fill(false),
    true,
  ]);
  expect(probe?.sample(2), 'a GPU that this process may not use').toBeNull();
  expect(probe?.sample(7)).toBeNull();
  probe?.close();
  expect(readFileSync(at('log'), 'utf8').trim().split('\n')).toEqual([
    'init',
    'pcie',
    'pcie',
    'pcie',
    'pcie',
    'shutdown',
  ]);
});

test('a driver without GPM tells the rest', async (context) => {
  const at = workspace();
  const probe = await openNvml(compileStub(context, at('libold.so'), '-DWITHOUT_GPM'));
  expect(probe?.sample(0)).toMatchObject({ gpu: 0.87, smActive: null, pcieSentBytesPerSecond: 700_000 });
  probe?.close();
});

test('no library, one that is something else, a driver that does not answer and no GPU: no probe', async (context) => {
  const at = workspace();
  expect(await openNvml(at('absent.so'))).toBeUndefined();
  if (process.platform === 'linux') expect(await openNvml('libc.so.6')).toBeUndefined();
  const library = compileStub(context, at('libnvidia-ml.so.1'));
  process.env.STUB_FAILS = '1';
  expect(await openNvml(library)).toBeUndefined();
  delete process.env.STUB_FAILS;
  process.env.STUB_EMPTY = '1';
  expect(await openNvml(library)).toBeUndefined();
});
