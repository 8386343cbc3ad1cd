import { describe, expect, test } from 'vitest';
import type { InferResult } from '../../src/serve/types.js';
import { range } from '../helpers/range.js';
import { now, outputOf, reasonOf, recording, refusalOf, requestOf, serving } from './serving.js';

describe('a request is refused', () => {
  test('that is none of the endpoint', async () => {
    const engine = await serving({ models: { m: recording().model() } });
    expect(await reasonOf(engine.infer(requestOf('nobody', [1])))).toBe('unknown');
    const request = requestOf('m', [1]);
    const tensor = request.inputs[0] as (typeof request.inputs)[number];
    const invalid = [
      { ...request, inputs: [] },
      { ...request, inputs: [{ ...tensor, shape: [2, 1] }] },
      { ...request, inputs: [{ ...tensor, dtype: 'float64' as const }] },
      { ...request, inputs: [{ ...tensor, data: ['1'] }] },
      { ...request, inputs: [{ ...tensor, data: new BigInt64Array(1) }] },
      { ...request, inputs: [{ ...tensor, shape: [0, 1], data: new Float32Array(0) }] },
      { ...request, outputs: ['z'] },
    ];
    for (const one of invalid) expect(await reasonOf(engine.infer(one))).toBe('invalid');
    expect(engine.stats().endpoints[0]?.refused).toEqual({ invalid: 7 });
  });

  test('with more rows than the queue holds, or more bytes', async () => {
    const device = recording();
    const engine = await serving({
      models: {
        a: device.model({}, { queue: { maxRows: 5 } }),
        b: device.model({}, { queue: { maxBytes: 20 } }),
      },
    });
    expect(engine.endpoints.map(({ maxRows }) => maxRows)).toEqual([5, 5]);
    for (const name of ['a', 'b']) {
      expect(await reasonOf(engine.infer(requestOf(name, range(1, 6))))).toBe('too-large');
      expect(outputOf(await engine.infer(requestOf(name, range(1, 5))))).toEqual([2, 4, 6, 8, 10]);
    }
  });

  test.each([{ maxRows: 6 }, { maxBytes: 24 }])('where the queue is full: %o', async (queue) => {
    const device = recording();
    const engine = await serving({ models: { m: device.model({}, { queue }) } });
    const first = engine.infer(requestOf('m', [-1]));
    await device.runs(-1);
    // These go into slots.
    const taken: Promise<InferResult>[] = [];
    for (const first of [1, 5]) {
      taken.push(engine.infer(requestOf('m', range(first, 4))));
      await new Promise(setImmediate);
    }
    taken.push(engine.infer(requestOf('m', range(9, 3))), engine.infer(requestOf('m', range(12, 3))));
    const refusal = await refusalOf(engine.infer(requestOf('m', [15])));
    expect(refusal.reason).toBe('full');
    expect(refusal.retryAfterMs).toBeGreaterThan(0);
    expect(engine.stats().endpoints[0]).toMatchObject({ queuedRows: 6, queuedBytes: 24 });
    device.open();
    await Promise.all([first, ...taken]);
    expect(outputOf(await engine.infer(requestOf('m', [15])))).toEqual([30]);
    expect(device.rows.slice(1)).toEqual(range(1, 15));
  });

  test('before it is read, where others wait and nothing of its endpoint could be answered in time', async () => {
    const engine = await serving({
      models: {
        sim: {
          model: { runtime: 'simulated', options: { batchMicros: 50_000 } },
          inputs: { x: { shape: [1] } },
          batch: { size: 1 },
          endpoints: { sim: { deadlineMs: 120 }, patient: { deadlineMs: null } },
        },
      },
    });
    expect(engine.turnAway?.('sim', now())).toBeUndefined();
    const taken = Array.from({ length: 8 }, () => engine.infer(requestOf('patient', [1])));
    await new Promise(setImmediate);
    const refusal = engine.turnAway?.('sim', now());
    expect(refusal?.reason).toBe('late');
    expect(refusal?.retryAfterMs).toBeGreaterThan(0);
    expect(engine.turnAway?.('patient', now())).toBeUndefined();
    expect(engine.stats().endpoints.find(({ name }) => name === 'sim')?.refused).toEqual({ late: 1 });
    await Promise.all(taken);
  });

  test('at once, where it can’t be answered by its deadline, with the time after which it may be worth it', async () => {
    const engine = await serving({
      models: {
        sim: {
          model: { runtime: 'simulated', options: { batchMicros: 50_000 } },
          inputs: { x: { shape: [1] } },
          batch: { size: 1 },
          endpoints: { sim: { priority: 2 }, urgent: { priority: 1 } },
        },
      },
    });
    const infer = (timeoutMicros: number, endpoint = 'sim') =>
      engine.infer(requestOf(endpoint, [1], { timeoutMicros }));
    expect(await reasonOf(infer(20_000))).toBe('late');
    const taken = Array.from({ length: 6 }, () => infer(10e6, 'urgent'));
    const refusal = await refusalOf(infer(200_000));
    expect(refusal.reason).toBe('late');
    expect(refusal.retryAfterMs).toBeGreaterThan(50);
    expect(refusal.retryAfterMs).toBeLessThan(400);
    await Promise.all(taken);
    await infer(200_000);
    expect(engine.stats().endpoints[0]).toMatchObject({ rows: 1, refused: { late: 2 } });
  });

  test('where the server is about to end; what was taken is answered', async () => {
    const device = recording();
    const engine = await serving({ models: { m: device.model() } });
    const taken = [engine.infer(requestOf('m', [-1]))];
    await device.runs(-1);
    for (const value of range(1, 9)) taken.push(engine.infer(requestOf('m', [value])));
    expect(engine.isReady).toBe(true);
    const drained = engine.drain();
    expect(engine.isReady).toBe(false);
    expect(await reasonOf(engine.infer(requestOf('m', [99])))).toBe('draining');
    device.open();
    await drained;
    expect((await Promise.all(taken)).flatMap(outputOf)).toEqual([-2, ...range(1, 9).map((v) => v * 2)]);
    await engine[Symbol.asyncDispose]();
    expect(await reasonOf(engine.infer(requestOf('m', [99])))).toBe('draining');
  });

  test('where the engine is ended while it waits', async () => {
    const device = recording();
    const engine = await serving({ models: { m: device.model() } });
    const answers = [reasonOf(engine.infer(requestOf('m', [-1])))];
    await device.runs(-1);
    for (const value of range(1, 9)) answers.push(reasonOf(engine.infer(requestOf('m', [value]))));
    const ended = engine[Symbol.asyncDispose]();
    expect(await Promise.all(answers)).toEqual(Array(10).fill('draining'));
    device.open();
    await ended;
    expect(device.rows).toEqual([-1]);
  });

  test('for the rows that the model rejects, and those of others in the batch are answered', async () => {
    const device = recording();
    const engine = await serving({ models: { m: device.model({ rejects: [3, 5] }) } });
    const first = engine.infer(requestOf('m', [-1]));
    await device.runs(-1);
    const one = engine.infer(requestOf('m', [1]));
    const bad = engine.infer(requestOf('m', [2, 3, 5]));
    const other = engine.infer(requestOf('m', [4, 6]));
    device.open();
    await first;
    const refusal = await refusalOf(bad);
    expect(refusal.reason).toBe('rejected');
    expect(refusal.message).toBe('the model rejects row 1, and 1 more: 3 is out of bounds');
    expect(outputOf(await one)).toEqual([2]);
    expect(outputOf(await other)).toEqual([8, 12]);
    for (const value of range(7, 20))
      expect(outputOf(await engine.infer(requestOf('m', [value])))).toEqual([value * 2]);
    expect(engine.stats().endpoints[0]?.refused).toEqual({ rejected: 1 });
  });

  test('that came too late already', async () => {
    const engine = await serving({ models: { m: recording().model() } });
    const request = requestOf('m', [1], { arrivedAt: now() - 1e6, timeoutMicros: 500_000 });
    expect(await reasonOf(engine.infer(request))).toBe('late');
  });
});
