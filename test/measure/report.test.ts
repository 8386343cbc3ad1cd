import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeviceTimes } from '../../src/clock/device-ledger.js';
import { ProducerState } from '../../src/clock/state-clock.js';
import { adviceOn, bottleneckOf } from '../../src/measure/advice.js';
import {
  type Bottleneck,
  type DeviceShares,
  producerShares,
  round,
  sharesBy,
  sharesOf,
  together,
} from '../../src/measure/report.js';

interface Parts {
  readonly busy?: number;
  readonly fetch?: number;
  readonly prep?: number;
  readonly batching?: number;
  readonly blocked?: number;
  readonly handoff?: number;
}

/** Times of a device; what is not given is 0. */
function timesOf({
  busy = 0,
  fetch = 0,
  prep = 0,
  batching = 0,
  blocked = 0,
  handoff = 0,
}: Parts): DeviceTimes {
  const counts = { firstStart: 0, lastEnd: 0, batches: 0, rows: 0, capacity: 0, tokens: 0, paddedTokens: 0 };
  return { busy, starved: { fetch, prep, batching: batching + handoff }, blocked, handoff, ...counts };
}

const shares = (parts: Parts): DeviceShares => sharesOf(timesOf(parts));

describe('shares of a device', () => {
  test('are its times as parts of its window', () => {
    expect(shares({ busy: 600, fetch: 100, prep: 50, batching: 200, blocked: 50 })).toEqual({
      busy: 0.6,
      starved: { total: 0.35, fetch: 0.1, prep: 0.05, batching: 0.2 },
      blocked: 0.05,
    });
  });

  test('have what was lost from one run to the next only where it is something', () => {
    expect(shares({ busy: 90, batching: 2, handoff: 8 })).toMatchObject({
      starved: { total: 0.1, batching: 0.1 },
      handoff: 0.08,
    });
    expect(shares({ busy: 100 })).not.toHaveProperty('handoff');
  });

  test('are zeros where it never ran', () => {
    expect(shares({})).toEqual({
      busy: 0,
      starved: { total: 0, fetch: 0, prep: 0, batching: 0 },
      blocked: 0,
    });
  });

  test('add up to 1, the causes to what was starved, whatever the times', () => {
    const micros = fc.double({ min: 0, max: 1e12, noNaN: true });
    const parts = fc.record({ busy: micros, fetch: micros, prep: micros, batching: micros, blocked: micros });
    fc.assert(
      fc.property(parts, (times) => {
        fc.pre(Object.values(times).some((part) => part > 1));
        const { busy, starved, blocked } = shares(times);
        expect(busy + starved.total + blocked).toBeCloseTo(1, 4);
        expect(starved.fetch + starved.prep + starved.batching).toBeCloseTo(starved.total, 4);
      }),
    );
  });
});

describe('the bottleneck', () => {
  test.each([
    ['device', { busy: 100 }],
    ['device', { busy: 90, fetch: 10 }],
    ['fetch', { busy: 89, fetch: 11 }],
    ['fetch', { busy: 40, fetch: 30, prep: 20, batching: 5, blocked: 5 }],
    ['prep', { busy: 40, fetch: 20, prep: 30, batching: 5, blocked: 5 }],
    ['batching', { busy: 40, fetch: 10, prep: 10, batching: 31, blocked: 9 }],
    ['sink', { busy: 40, fetch: 5, prep: 45, batching: 0, blocked: 10 }],
    ['sink', { busy: 40, fetch: 20, prep: 5, batching: 5, blocked: 30 }],
    ['sink', { blocked: 1 }],
    ['sink', { fetch: 1, blocked: 1 }],
    ['fetch', { busy: 1, fetch: 1 }],
    // Of equal causes the one that rows come to first.
    ['fetch', { busy: 40, fetch: 30, prep: 30 }],
    ['prep', { busy: 40, prep: 30, batching: 30 }],
    ['batching', { busy: 82, batching: 9, blocked: 9 }],
    ['sink', { busy: 85, fetch: 2, prep: 2, batching: 2, blocked: 9 }],
    ['device', {}],
  ] as [Bottleneck, Parts][])('is %s for %j', (bottleneck, parts) => {
    expect(bottleneckOf(shares(parts))).toBe(bottleneck);
  });

  test('is a single cause, not what several have together', () => {
    const parts = { busy: 42, fetch: 25, prep: 24, batching: 0, blocked: 9 };
    expect(bottleneckOf(shares(parts))).toBe('fetch');
  });

  test('is the device where it was idle only from one batch to the next', () => {
    expect(bottleneckOf(shares({ busy: 70, handoff: 25, fetch: 5 }))).toBe('device');
    expect(bottleneckOf(shares({ busy: 70, batching: 25, fetch: 5 }))).toBe('batching');
    expect(bottleneckOf(shares({ busy: 60, handoff: 22, fetch: 18 }))).toBe('fetch');
  });
});

describe('advice', () => {
  const all = shares({ busy: 400, fetch: 210, prep: 150, batching: 120, blocked: 120 });

  test.each([
    ['device', 'The device had work 40 % of the time', 'batch.size'],
    ['fetch', 'waited 21 % of the time for storage', 'producers'],
    ['prep', 'waited 15 % of the time for decoding and collating', 'producers'],
    ['batching', 'waited 12 % of the time while rows waited for company', 'batch.maxDelayMs'],
    ['sink', 'waited 12 % of the time for outputs to be written', 'ring.slots'],
  ] as [Bottleneck, string, string][])(
    'on %s says how much of the time it cost, and what to change',
    (bottleneck, cost, key) => {
      const advice = adviceOn(bottleneck, all);
      expect(advice).toContain(cost);
      expect(advice).toContain(key);
      expect(advice).toMatch(/^[A-Z].*\.$/);
    },
  );
});

test('advice names bursts that the ring is too small for, and a machine with other things to do', () => {
  const all = shares({ busy: 400, prep: 600 });
  expect(adviceOn('prep', all, 1, 0.3)).toContain('raise ring.slots too');
  expect(adviceOn('prep', all, 1, 0.05)).not.toContain('ring.slots');
  expect(adviceOn('device', shares({ busy: 70, handoff: 30 }))).toContain(
    'For 30 % of the time the next batch was ready',
  );
});

test('advice says nothing of what is hardly so', () => {
  const all = shares({ busy: 400, fetch: 300, prep: 200, batching: 100 });
  const bursts = 'raise ring.slots too';
  expect(adviceOn('fetch', all, 1, 0.1)).toContain('(producers had no free slot 10 % of their time)');
  expect(adviceOn('fetch', all, 1, 0.1)).toContain(bursts);
  expect(adviceOn('fetch', all, 1, 0.09)).toMatch(/ the storage is too slow for this device\.$/);
  expect(adviceOn('prep', all)).toMatch(/ make the rows cheaper to prepare\.$/);
  // It can't be the producers where the rows are there.
  for (const bottleneck of ['device', 'batching', 'sink'] as const)
    expect(adviceOn(bottleneck, all, 1, 0.9)).not.toContain(bursts);
  const handoff = (micros: number) => adviceOn('device', shares({ busy: 1000 - micros, handoff: micros }));
  expect(handoff(50)).toContain('For 5 % of the time the next batch was ready and not started');
  expect(handoff(50)).toContain('had work 100 % of the time');
  expect(handoff(49)).toMatch(/ can make this job faster\.$/);
});

test('advice does not count moments from one batch to the next as a wait for company', () => {
  const all = shares({ busy: 400, batching: 400, handoff: 200 });
  expect(adviceOn('batching', all)).toContain('waited 40 % of the time while rows waited for company');
});

test('advice to several devices speaks of all', () => {
  const all = shares({ busy: 400, fetch: 600 });
  expect(adviceOn('fetch', all, 2)).toMatch(/^The devices waited 60 % of the time/);
  expect(adviceOn('device', all, 2)).toContain('only faster devices');
  expect(adviceOn('device', all)).toContain('only a faster device,');
});

describe('several devices together', () => {
  const counts = { batches: 2, rows: 10, capacity: 16, tokens: 10, paddedTokens: 16 };
  const first = { ...timesOf({ busy: 900, fetch: 100 }), ...counts, firstStart: 50, lastEnd: 1050 };
  const second = { ...timesOf({ busy: 50, blocked: 50 }), ...counts, firstStart: 20, lastEnd: 120 };

  test('have shares that weigh each by its window', () => {
    expect(sharesOf(together([first, second]))).toEqual({
      busy: 0.86364,
      starved: { total: 0.09091, fetch: 0.09091, prep: 0, batching: 0 },
      blocked: 0.04545,
    });
  });

  test('have the times of all added up, cause by cause', () => {
    const [one, other] = [
      timesOf({ busy: 1, fetch: 2, prep: 3, batching: 4, blocked: 5, handoff: 6 }),
      timesOf({ busy: 10, fetch: 20, prep: 30, batching: 40, blocked: 50, handoff: 60 }),
    ];
    expect(together([one, other])).toEqual(
      timesOf({ busy: 11, fetch: 22, prep: 33, batching: 44, blocked: 55, handoff: 66 }),
    );
  });

  test('have the mean shares that are asked for', () => {
    const [one, other] = [
      shares({ busy: 60, fetch: 40 }),
      shares({ busy: 20, prep: 40, batching: 30, blocked: 10 }),
    ];
    const mean = sharesBy<DeviceShares>((share) => (share(one) + share(other)) / 2);
    expect(mean).toEqual({
      busy: 0.4,
      starved: { total: 0.55, fetch: 0.2, prep: 0.2, batching: 0.15 },
      blocked: 0.05,
    });
  });

  test('are at work from the first start to the last end, whatever one does that never ran', () => {
    expect(together([first, second, timesOf({})])).toMatchObject({
      firstStart: 20,
      lastEnd: 1050,
      batches: 4,
      rows: 20,
      capacity: 32,
      tokens: 20,
      paddedTokens: 32,
    });
    expect(together([timesOf({})])).toEqual(timesOf({}));
  });
});

describe("producers' shares", () => {
  test('are those of all their time', () => {
    const totals = new Float64Array(6);
    totals[ProducerState.fetch] = 100;
    totals[ProducerState.decode] = 50;
    totals[ProducerState.transform] = 25;
    totals[ProducerState.collate] = 125;
    totals[ProducerState.blocked] = 150;
    totals[ProducerState.idle] = 50;
    expect(producerShares(3, totals)).toEqual({
      count: 3,
      fetch: 0.2,
      decode: 0.1,
      transform: 0.05,
      collate: 0.25,
      blocked: 0.3,
      idle: 0.1,
    });
  });

  test('are zeros where none was at work', () => {
    const { count, ...rest } = producerShares(2, new Float64Array(6));
    expect(count).toBe(2);
    expect(Object.values(rest)).toEqual(Array(6).fill(0));
  });
});

test('numbers are rounded to places', () => {
  expect([round(0.123456789), round(2 / 3, 2), round(1234.5, 0)]).toEqual([0.12346, 0.67, 1235]);
});
