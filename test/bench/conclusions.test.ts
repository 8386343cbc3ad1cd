import { describe, expect, test } from 'vitest';
import { adviceFrom } from '../../src/bench/advice.js';
import { efficiencyOf, type Facts, kneeOf, limitOf, whatIfs } from '../../src/bench/conclusions.js';
import { rateOf } from '../../src/bench/rate.js';
import type { DevicePoint, WhatIf } from '../../src/bench/types.js';

/** The curve of a device whose batches take `batchMicros + rows × rowMicros`. */
function curveOf(sizes: readonly number[], batchMicros: number, rowMicros: number): DevicePoint[] {
  return sizes.map((batchSize) => {
    const micros = batchMicros + batchSize * rowMicros;
    const ms = micros / 1000;
    const rate = (1e6 * batchSize) / micros;
    return { batchSize, runMs: { p50: ms, p99: ms }, rowsPerSecond: rateOf([rate, rate, rate]) };
  });
}

const CURVE = curveOf([1, 2, 4, 8, 16, 32, 64, 128], 1200, 400);

/** A job whose device limits; it is run in batches of 16. */
function factsOf(changes: Partial<Facts> = {}): Facts {
  return {
    ceilings: { storage: 100_000, loader: 10_000, device: 2_000, sink: 50_000 },
    oneMoreProducer: 1.8,
    oneMoreInstance: 1.5,
    curve: CURVE,
    isFixed: false,
    batch: { key: 'batch.size', value: 16, rows: 16 },
    producers: 1,
    instances: 1,
    loaderShares: { fetch: 0.2, prep: 0.8 },
    pipeline: 1_900,
    report: { bottleneck: 'device', advice: 'The report has the word.' },
    ...changes,
  };
}

function changeIn(changes: readonly WhatIf[], name: string): WhatIf {
  const found = changes.find(({ change }) => change === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

describe('the knee', () => {
  test('is the smallest batch with nine tenths of the most that the curve reaches', () => {
    // 2,105 rows/s with 16, 2,286 with 32, and 2,443 with 128.
    expect(kneeOf(CURVE).batchSize).toBe(32);
  });

  test('is the smallest batch of all where a batch costs nothing by itself', () => {
    expect(kneeOf(curveOf([1, 2, 4, 8], 0, 50)).batchSize).toBe(1);
  });

  test('is the largest where most of a batch is what it costs by itself', () => {
    expect(kneeOf(curveOf([1, 2, 4, 8], 100_000, 50)).batchSize).toBe(8);
  });
});

describe('what limits', () => {
  test.each([
    ['device', factsOf()],
    ['sink', factsOf({ ceilings: { storage: 9_000, loader: 8_000, device: 7_000, sink: 2_000 } })],
    ['prep', factsOf({ ceilings: { storage: 9_000, loader: 2_000, device: 7_000, sink: 8_000 } })],
    // The loader does little but wait for storage.
    ['fetch', factsOf({ ceilings: { storage: 2_100, loader: 2_000, device: 7_000, sink: 8_000 } })],
  ])('is %s where that is the lowest ceiling', (limit, facts) => {
    expect(limitOf(facts)).toBe(limit);
  });

  test('is what the pipeline says where it does far less than its lowest ceiling', () => {
    const facts = factsOf({ pipeline: 900, report: { bottleneck: 'batching', advice: '' } });
    expect(efficiencyOf(facts)).toBe(0.45);
    expect(limitOf(facts)).toBe('batching');
  });
});

describe('what if', () => {
  test('a change of what limits brings as much as the lowest ceiling rises', () => {
    const changes = whatIfs(factsOf());
    expect(changeIn(changes, 'model.instances')).toMatchObject({
      from: 1,
      to: 2,
      gain: 0.5,
      rowsPerSecond: 2_850,
    });
    // 2,388 rows/s with 64 and 2,443 with 128, of which 32 has nine tenths already.
    const batch = changeIn(changes, 'batch.size');
    expect(batch).toMatchObject({ from: 16, to: 32, measured: true });
    expect(batch.gain).toBeCloseTo(2_286 / 2_105 - 1, 2);
  });

  test('a change of anything else brings nothing', () => {
    const changes = whatIfs(factsOf());
    for (const name of ['producers', 'storage', 'sink']) expect(changeIn(changes, name).gain).toBe(0);
  });

  test('the best comes first', () => {
    const gains = whatIfs(factsOf()).map(({ gain }) => gain);
    expect(gains).toEqual([...gains].sort((a, b) => b - a));
  });

  test('another stage limits next', () => {
    const facts = factsOf({ ceilings: { storage: 100_000, loader: 2_200, device: 2_000, sink: 50_000 } });
    expect(changeIn(whatIfs(facts), 'model.instances').gain).toBeCloseTo(0.1, 5);
  });

  test('of a producer more that was not measured, as much as its share is reckoned, and said so', () => {
    const ceilings = { storage: 100_000, loader: 1_000, device: 9_000, sink: 50_000 };
    const [best] = whatIfs(factsOf({ ceilings, producers: 2, oneMoreProducer: undefined, pipeline: 950 }));
    expect(best).toMatchObject({ change: 'producers', from: 2, to: 3, gain: 0.5, measured: false });
    expect(best?.because).toMatch(/^reckoned/);
  });

  test('one more never brings more than its share, whatever was measured', () => {
    expect(changeIn(whatIfs(factsOf({ oneMoreInstance: 3 })), 'model.instances').gain).toBe(1);
  });

  test('faster storage takes half of what the loader waits for it', () => {
    const ceilings = { storage: 4_000, loader: 2_000, device: 90_000, sink: 50_000 };
    const facts = factsOf({ ceilings, loaderShares: { fetch: 0.5, prep: 0.5 } });
    expect(changeIn(whatIfs(facts), 'storage').gain).toBeCloseTo(1 / 0.75 - 1, 3);
  });

  test('a batch whose size a budget of tokens decides grows with the budget', () => {
    const batch = { key: 'batch.maxTokens', value: 2_048, rows: 16 };
    expect(changeIn(whatIfs(factsOf({ batch })), 'batch.maxTokens')).toMatchObject({
      from: 2_048,
      to: 4_096,
    });
  });

  test('a model of one batch size has no larger one, and a job that writes nothing no sink', () => {
    const ceilings = { storage: 100_000, loader: 10_000, device: 2_000, sink: Number.POSITIVE_INFINITY };
    const names = whatIfs(factsOf({ isFixed: true, ceilings })).map(({ change }) => change);
    expect(names.sort()).toEqual(['model.instances', 'producers', 'storage']);
  });
});

describe('the advice', () => {
  const advise = (facts: Facts, sharesCores = false): string =>
    adviceFrom(facts, limitOf(facts), whatIfs(facts), sharesCores);

  test('names what limits, and the change that brings most', () => {
    expect(advise(factsOf())).toBe(
      'The device limits: the pipeline reaches 95 % of what its slowest stage does alone. model.instances: 2 instead of 1 would bring up to 50 % more.',
    );
  });

  test('says where no change would help', () => {
    const facts = factsOf({ oneMoreInstance: 1, curve: curveOf([1, 2, 4, 8, 16, 32, 64], 0, 500) });
    expect(advise(facts)).toContain('only a faster device');
  });

  test('leaves the word to the report where the ceilings do not explain the pipeline', () => {
    const report = { bottleneck: 'batching', advice: 'Lower batch.maxDelayMs.' } as const;
    const told = advise(factsOf({ pipeline: 900, report }), true);
    expect(told).toContain('Lower batch.maxDelayMs.');
    expect(told).toContain('together they share them');
    expect(told).not.toContain('model.instances');
  });
});
