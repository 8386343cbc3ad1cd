import { describe, expect, test } from 'vitest';
import { range } from '../helpers/range.js';
import { now, outputOf, reasonOf, recording, requestOf, serving } from './serving.js';

describe('requests that wait run', () => {
  test('first those of the first class, in a class by weight, in an endpoint by deadline', async () => {
    const device = recording();
    const endpoints = {
      urgent: { priority: 1 },
      heavy: { priority: 2, weight: 3 },
      light: { priority: 2, weight: 1 },
    };
    const engine = await serving({
      models: { m: device.model({}, { batch: { size: 1 }, endpoints }) },
    });
    const answers = [engine.infer(requestOf('light', [-1]))];
    await device.runs(-1);
    // These are in slots already, and may not be overtaken any more.
    answers.push(engine.infer(requestOf('light', [1000])), engine.infer(requestOf('light', [1001])));
    await new Promise(setImmediate);
    for (const value of range(1, 12)) answers.push(engine.infer(requestOf('light', [value])));
    for (const value of range(101, 12)) answers.push(engine.infer(requestOf('heavy', [value])));
    answers.push(engine.infer(requestOf('urgent', [201], { timeoutMicros: 600e6 })));
    answers.push(engine.infer(requestOf('urgent', [202], { timeoutMicros: 300e6 })));
    answers.push(engine.infer(requestOf('urgent', [203])));
    device.open();
    await Promise.all(answers);
    const rows = device.rows;
    expect(rows.slice(0, 6).toSorted((a, b) => a - b)).toEqual([-1, 201, 202, 203, 1000, 1001]);
    expect(rows.filter((value) => value > 200 && value < 1000)).toEqual([202, 201, 203]);
    const shared = rows.slice(6, 6 + 12);
    expect(shared.filter((value) => value > 100)).toHaveLength(9);
    expect(rows.filter((value) => value > 0 && value <= 12)).toEqual(range(1, 12));
    expect(rows).toHaveLength(30);
  });

  test('not before their endpoint’s class, whatever a client asks for, and later where it asks for that', async () => {
    const device = recording();
    const endpoints = { urgent: { priority: 1 }, bulk: { priority: 3 } };
    const engine = await serving({
      models: { m: device.model({}, { batch: { size: 1 }, endpoints }) },
    });
    const answers = [engine.infer(requestOf('bulk', [-1]))];
    await device.runs(-1);
    answers.push(engine.infer(requestOf('bulk', [1000])), engine.infer(requestOf('bulk', [1001])));
    await new Promise(setImmediate);
    answers.push(engine.infer(requestOf('bulk', [1], { priority: 1 })));
    answers.push(engine.infer(requestOf('urgent', [2], { priority: 4 })));
    answers.push(engine.infer(requestOf('urgent', [3], { priority: 2 })));
    answers.push(engine.infer(requestOf('urgent', [4], { priority: 0 })));
    device.open();
    await Promise.all(answers);
    const rows = device.rows.filter((value) => value > 0 && value < 1000);
    expect(rows).toEqual([4, 3, 1, 2]);
  });

  // That the threads of both models have come to the device shows nowhere; on a busy machine one may not have.
  test('on a device that two models share, first those of the model whose request is of the first class', {
    retry: 2,
  }, async () => {
    const device = recording();
    const batch = { size: 2 };
    const engine = await serving({
      models: {
        bulk: device.model({}, { batch, endpoints: { bulk: { priority: 2 } } }),
        urgent: device.model({}, { batch, endpoints: { urgent: { priority: 1 } } }),
      },
    });
    const answers = [engine.infer(requestOf('bulk', [-1]))];
    await device.runs(-1);
    for (const value of range(1, 4)) answers.push(engine.infer(requestOf('bulk', [value])));
    for (const value of range(11, 4)) answers.push(engine.infer(requestOf('urgent', [value])));
    await new Promise(setImmediate);
    device.open();
    await Promise.all(answers);
    expect(device.batches).toEqual([[-1], [11, 12], [13, 14], [1, 2], [3, 4]]);
    expect(engine.stats().devices).toMatchObject([{ id: 'test:0', runtime: 'module', instances: 1 }]);
  });

  test('in turns by weight, on a device that two models of one class share', async () => {
    const device = recording();
    const one = (endpoints: object): object =>
      device.model({ micros: 4000 }, { batch: { size: 1 }, endpoints });
    const engine = await serving({
      models: {
        first: one({}),
        heavy: one({ heavy: { weight: 3 } }),
        light: one({ light: { weight: 1 } }),
      },
    });
    const answers = [engine.infer(requestOf('first', [-1]))];
    await device.runs(-1);
    for (const value of range(1, 30)) answers.push(engine.infer(requestOf('light', [value])));
    for (const value of range(101, 30)) answers.push(engine.infer(requestOf('heavy', [value])));
    await new Promise(setImmediate);
    device.open();
    await Promise.all(answers);
    // Runs are as long as the machine lets them be: about three of four.
    const heavy = device.rows.slice(1, 33).filter((value) => value > 100).length;
    expect(heavy).toBeGreaterThanOrEqual(20);
    expect(heavy).toBeLessThanOrEqual(28);
    expect(device.rows).toHaveLength(61);
  });
});

describe('large requests that are overtaken in the middle, again and again,', () => {
  test('are all answered', async () => {
    const device = recording();
    const queue = { maxRows: 10_000 };
    const engine = await serving({ models: { m: device.model({}, { batch: { size: 2 }, queue }) } });
    const answers = [engine.infer(requestOf('m', [-1]))];
    await device.runs(-1);
    device.open();
    // Each has an earlier deadline than those before: once one row of it runs, the next one overtakes it.
    for (const first of range(0, 300)) {
      const values = range(first * 3 + 1, 3);
      answers.push(engine.infer(requestOf('m', values, { timeoutMicros: 600e6 - first * 1e6 })));
      await new Promise(setImmediate);
    }
    const outputs = (await Promise.all(answers)).slice(1).flatMap(outputOf);
    expect(outputs).toEqual(range(1, 900).map((value) => value * 2));
    expect(device.rows.sort((a, b) => a - b)).toEqual([-1, ...range(1, 900)]);
  });
});

describe('a request whose deadline passes while it waits', () => {
  test('is told so at once, and never runs', async () => {
    const device = recording();
    const engine = await serving({
      models: { m: device.model({}, { endpoints: { m: { deadlineMs: 60 } } }) },
    });
    const first = engine.infer(requestOf('m', [-1], { arrivedAt: now() + 600e6 }));
    await device.runs(-1);
    // Eight that are in slots, and two that wait in front of them.
    const late = range(1, 10).map((value) => reasonOf(engine.infer(requestOf('m', [value]))));
    expect(await Promise.all(late)).toEqual(Array(10).fill('expired'));
    expect(engine.stats().endpoints[0]).toMatchObject({ queuedRows: 0, refused: { expired: 10 } });
    device.open();
    expect(outputOf(await first)).toEqual([-2]);
    await engine.infer(requestOf('m', [7]));
    expect(device.rows).toEqual([-1, 7]);
    expect(engine.stats().endpoints[0]).toMatchObject({ rows: 2, succeeded: 2 });
  });

  test('takes no other with it out of the batch that they were to share', async () => {
    const device = recording();
    const engine = await serving({ models: { m: device.model() } });
    const first = engine.infer(requestOf('m', [-1]));
    await device.runs(-1);
    const answers = range(1, 4).map((value) =>
      engine.infer(requestOf('m', [value], value % 2 === 0 ? { timeoutMicros: 50_000 } : {})),
    );
    expect(await reasonOf(answers[1] as (typeof answers)[number])).toBe('expired');
    expect(await reasonOf(answers[3] as (typeof answers)[number])).toBe('expired');
    device.open();
    await first;
    expect(outputOf(await (answers[0] as (typeof answers)[number]))).toEqual([2]);
    expect(outputOf(await (answers[2] as (typeof answers)[number]))).toEqual([6]);
    expect(device.batches).toEqual([[-1], [1, 3]]);
  });
});

describe('a request whose client goes away', () => {
  test('frees its place at once, and never runs', async () => {
    const device = recording();
    const queue = { maxRows: 2 };
    const engine = await serving({ models: { m: device.model({}, { batch: { size: 3 }, queue }) } });
    const first = engine.infer(requestOf('m', [-1]));
    await device.runs(-1);
    const gone = new AbortController();
    // All but two in slots, and those in the queue, which has no room for another one.
    const send = (value: number): Promise<unknown> => {
      const answer = engine.infer(requestOf('m', [value]), value % 2 === 0 ? gone.signal : undefined);
      return value % 2 === 0 ? reasonOf(answer) : answer.then(outputOf);
    };
    const some: Promise<unknown>[] = [];
    for (const pair of [1, 3, 5, 7]) {
      some.push(send(pair), send(pair + 1));
      await new Promise(setImmediate);
    }
    gone.abort();
    const more = [9].map((value) => engine.infer(requestOf('m', [value])).then(outputOf));
    device.open();
    expect(await Promise.all(some)).toEqual([[2], 'gone', [6], 'gone', [10], 'gone', [14], 'gone']);
    expect(await Promise.all(more)).toEqual([[18]]);
    await first;
    expect(device.rows.filter((value) => value % 2 === 0 && value < 9)).toEqual([]);
    expect(engine.stats().endpoints[0]).toMatchObject({ refused: { gone: 4 }, rows: 6 });
  });

  test('before it came is not taken at all', async () => {
    const device = recording();
    const engine = await serving({ models: { m: device.model() } });
    expect(await reasonOf(engine.infer(requestOf('m', [1]), AbortSignal.abort()))).toBe('gone');
    expect(device.rows).toEqual([]);
  });
});
