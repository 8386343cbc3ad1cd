import { parseJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { fixedInstances, type InstancesFacts, instancesRule } from '../../../src/job/tune/instances.js';

const FACTS: InstancesFacts = {
  begin: 1,
  slots: 64,
  cores: 8,
  shared: false,
  rssBytes: 1e9,
  memoryBytes: 16e9,
};
const JOB = {
  source: { uri: 'a.arrow' },
  model: { uri: 'm.onnx' },
  sink: { format: 'none' },
} as const;
const device = (provider: string, simulated = false) => ({
  device: { id: provider, runtime: 'onnx', provider, simulated },
});

function ruleOf(provider: string, facts: Partial<InstancesFacts> = {}, model = {}, batch = {}) {
  const job = parseJob({ ...JOB, model: { ...JOB.model, ...model }, batch });
  return instancesRule(job, device(provider, provider === 'simulated'), { ...FACTS, ...facts });
}

describe('instances that are left to us', () => {
  test.each(['cpu', 'wasm'])(
    'may become as many as there are cores, and slots for them, on %s',
    (provider) => {
      expect(ruleOf(provider)).toEqual({ most: 8, because: undefined });
      expect(ruleOf(provider, { slots: 7 })).toEqual({ most: 3, because: undefined });
    },
  );

  test.each<[string, string, Partial<InstancesFacts>, object?, object?]>([
    ['on a GPU, whose memory is not ours to take', 'cuda', { begin: 2 }],
    ['on a device that a run takes as a whole', 'webgpu', {}],
    ['on a simulated device, whose speed is given', 'simulated', {}],
    ['where others run there too', 'cpu', { shared: true }],
    ['where each would be a process', 'cpu', {}, { isolation: 'process' }],
    ['where outputs must be equal to the bit', 'cpu', {}, {}, { order: 'fixed' }],
    ['where memory may not suffice', 'cpu', { rssBytes: 9e9 }],
    ['on one core', 'cpu', { cores: 1 }],
    ['where the ring has no slots for more', 'cpu', { slots: 3 }],
  ])('stay as many as they are %s, and the report says why', (_, provider, facts, model, batch) => {
    const rule = ruleOf(provider, facts, model, batch);
    const value = facts.begin ?? 1;
    expect(rule?.most).toBe(value);
    expect(fixedInstances(rule)).toEqual([{ key: 'model.instances', value, because: expect.any(String) }]);
  });
});

test('instances that the job gives are nobody else’s business', () => {
  const rule = ruleOf('cpu', {}, { instances: 2 });
  expect(rule).toBeUndefined();
  expect(fixedInstances(rule)).toEqual([]);
});
