import { describe, expect, test, vi } from 'vitest';
import { EndpointState } from '../../src/serve/endpoint-state.js';
import type { EngineEvent } from '../../src/serve/events.js';
import type { EndpointSpec, ServedModel } from '../../src/serve/schema.js';
import type { Engine } from '../../src/serve/types.js';
import {
  built,
  now,
  outputOf,
  parseServeConfig,
  reasonOf,
  recording,
  refusalOf,
  requestOf,
  serving,
} from './serving.js';

type InstancesModule = typeof import('../../src/serve/instances.js');
type DevicesModule = typeof import('../../src/serve/devices.js');

const isReadyAgain = (engine: Engine): Promise<void> =>
  vi.waitFor(
    () => {
      if (!engine.isReady) throw new Error('not ready');
    },
    { timeout: 30_000, interval: 10 },
  );

describe('a model whose thread', () => {
  test.each([
    ['dies in a run', { diesAt: 13 }],
    ['runs nothing any more', { breaksAt: 13 }],
  ])('%s fails its requests, those of others go on, and it is started again', async (_, options) => {
    const device = recording();
    const events: EngineEvent[] = [];
    const models = { bad: device.model(options), good: device.model() };
    const engine = await serving({ models }, events);
    const first = engine.infer(requestOf('good', [-1]));
    await device.runs(-1);
    // All of them wait for the device that the good one has.
    const failing = [13, 1, 2, 3, 4, 5].map((value) => refusalOf(engine.infer(requestOf('bad', [value]))));
    const others = [21, 22, 23, 24, 25, 26].map((value) => engine.infer(requestOf('good', [value])));
    device.open();
    await first;
    const refusals = await Promise.all(failing);
    expect(refusals.map(({ reason }) => reason)).toEqual(Array(6).fill('failed'));
    expect(refusals[0]?.message).toContain('the model bad failed');
    expect(refusals[0]?.retryAfterMs).toBeGreaterThan(0);
    expect(engine.isReady).toBe(false);
    expect(await reasonOf(engine.infer(requestOf('bad', [6])))).toBe('failed');
    expect((await Promise.all(others)).flatMap(outputOf)).toEqual([42, 44, 46, 48, 50, 52]);

    await isReadyAgain(engine);
    expect(outputOf(await engine.infer(requestOf('bad', [7])))).toEqual([14]);
    expect(outputOf(await engine.infer(requestOf('good', [8])))).toEqual([16]);
    const kinds = events.map((event) => `${event.kind} ${'model' in event ? event.model : ''}`);
    expect(kinds).toEqual(['ready bad', 'ready good', 'failed bad', 'ready bad']);
  });

  test('fails with one of its instances is started again with all of them', async () => {
    const device = recording();
    const model = device.model({ diesAt: 13 }, { batch: { size: 1 } }) as { model: object };
    const engine = await serving({ models: { m: { ...model, model: { ...model.model, instances: 3 } } } });
    expect(engine.stats().devices[0]?.instances).toBe(3);
    expect(await reasonOf(engine.infer(requestOf('m', [13])))).toBe('failed');
    await isReadyAgain(engine);
    const values = Array.from({ length: 50 }, (_, i) => i + 20);
    const answers = await Promise.all(values.map((value) => engine.infer(requestOf('m', [value]))));
    expect(answers.flatMap(outputOf)).toEqual(values.map((value) => value * 2));
  });

  test('is started again can be ended meanwhile', async () => {
    const engine = await serving({ models: { m: recording().model({ diesAt: 13 }) } });
    expect(await reasonOf(engine.infer(requestOf('m', [13])))).toBe('failed');
    await engine.drain();
    await engine[Symbol.asyncDispose]();
    expect(engine.isReady).toBe(false);
  });
});

test('a model that fails in its warm-up leaves its places at its device to others', async () => {
  const { LoadedInstances }: InstancesModule = await built('serve/instances.js');
  const { Devices }: DevicesModule = await built('serve/devices.js');
  const devices = new Devices(now());
  // Four rows are run in the warm-up only, after the model has taken its places.
  const models = { m: recording().model({ breaksWith: 4 }, { batch: { size: 8 } }) };
  const served = parseServeConfig({ models }).models.m as ServedModel;
  const endpoint = new EndpointState('m', 'm', 0, served.endpoints.m as EndpointSpec);
  const load = LoadedInstances.load('m', served, [endpoint], devices, () => {});
  await expect(load).rejects.toThrow('the device is lost');
  const { gate } = devices.get({ id: 'test:0', runtime: 'module', provider: 'module', simulated: false });
  const claimant = await gate.addClaimant(1, 1);
  expect(gate.place(claimant)).toMatchObject({ claimant: 0, member: 0 });
});

describe('an engine does not start', () => {
  const simulated = { runtime: 'simulated' };

  test('with a model that does not load, and leaves no thread', async () => {
    const models = { good: recording().model(), bad: { model: { uri: '/nowhere/m.onnx' } } };
    await expect(serving({ models })).rejects.toThrow('/nowhere/m.onnx');
  });

  test('where the configuration does not fit the model', async () => {
    const device = recording();
    const withInputs = (inputs: object): object => ({ models: { m: device.model({}, { inputs }) } });
    await expect(serving(withInputs({ z: {} }))).rejects.toThrow(
      'models.m.inputs.z: the model has no such input; its inputs are x',
    );
    await expect(serving(withInputs({ x: { shape: [2] } }))).rejects.toThrow(
      'models.m.inputs.x.shape: [2] is not what the model takes for a row of x: [1]',
    );
    await expect(serving(withInputs({ x: { dtype: 'int8' } }))).rejects.toThrow(
      'models.m.inputs.x.dtype: is int8, and the model’s input x is float32'.replace('’', "'"),
    );
  });

  test('with a job file that is not there', async () => {
    const models = { m: { model: simulated, inputs: { x: { shape: [1] } } } };
    await expect(serving({ models, jobs: [{ job: '/nowhere/job.yaml' }] })).rejects.toThrow('no such file');
  });
});
