import { beforeEach, describe, expect, test, vi } from 'vitest';
import {
  createLedgerMemory,
  DeviceLedger,
  type DeviceTimes,
  type LedgerMemory,
} from '../../src/clock/device-ledger.js';
import { createStallMemory, StallClock } from '../../src/clock/stall-clock.js';
import { createClockPage, ProducerState, StateClock } from '../../src/clock/state-clock.js';
import { ProgressSampler } from '../../src/measure/progress.js';

const time = vi.hoisted(() => ({ at: 0 }));
vi.mock('../../src/clock/now.js', () => ({ now: () => time.at }));

const SECOND = 1e6;

beforeEach(() => {
  time.at = 10 * SECOND;
});

const pass = (seconds: number): void => {
  time.at += seconds * SECOND;
};

function devices(...ids: string[]) {
  const clocks = createClockPage(1);
  const producer = new StateClock(clocks, 0);
  const stalls = createStallMemory(clocks, 4);
  const memories = ids.map(() => createLedgerMemory(stalls));
  const ledgers = memories.map((memory, place) => new DeviceLedger(memory, 10 + place));
  const sink = new StallClock(stalls, 2);
  // The main thread samples with an owner of its own.
  const sampler = new ProgressSampler(
    ids.map((id, place) => ({ id, ledger: new DeviceLedger(memories[place] as LedgerMemory, 1) })),
    clocks,
  );
  const run = (seconds: number, rows: number, place = 0): void => {
    const ledger = ledgers[place] as DeviceLedger;
    const startedAt = ledger.runStarted();
    pass(seconds);
    ledger.runEnded(startedAt, { rows, capacity: rows, tokens: rows, paddedTokens: rows });
    sink.slotReleased();
  };
  return { ledger: ledgers[0] as DeviceLedger, producer, sampler, run };
}

const device = () => devices('cpu');

describe('a progress report', () => {
  test('says how much is done, and how fast since the report before', () => {
    const { sampler, run } = device();
    pass(1);
    run(2, 600);
    expect(sampler.sample(3, 8)).toMatchObject({
      elapsedSeconds: 3,
      rows: 600,
      rowsPerSecond: 200,
      splits: 3,
      totalSplits: 8,
    });
    run(1, 50);
    run(1, 50);
    expect(sampler.sample(5, 8)).toMatchObject({
      elapsedSeconds: 5,
      rows: 700,
      rowsPerSecond: 50,
      splits: 5,
    });
    pass(2);
    expect(sampler.sample(5, 8)).toMatchObject({ elapsedSeconds: 7, rows: 700, rowsPerSecond: 0 });
  });

  test('tells what the device did since the report before, not since the start', () => {
    const { sampler, run, producer } = device();
    run(1, 10);
    expect(sampler.sample(0, 1)).toMatchObject({ busy: 1, starved: { total: 0 }, blocked: 0 });
    producer.switch(ProducerState.fetch);
    pass(3);
    run(1, 10);
    expect(sampler.sample(0, 1)).toMatchObject({
      busy: 0.25,
      starved: { total: 0.75, fetch: 0.75, prep: 0, batching: 0 },
      blocked: 0,
    });
  });

  test('counts a run that is not over, and what has passed since the last', () => {
    const { sampler, run, ledger, producer } = device();
    run(1, 10);
    sampler.sample(0, 1);
    producer.switch(ProducerState.collate);
    pass(1);
    ledger.runStarted();
    pass(1);
    expect(sampler.sample(0, 1)).toMatchObject({ busy: 0.5, starved: { total: 0.5, prep: 0.5 } });
  });

  test('is all zeros before the first run', () => {
    const { sampler } = device();
    pass(2);
    const none = { busy: 0, starved: { total: 0, fetch: 0, prep: 0, batching: 0 }, blocked: 0 };
    expect(sampler.sample(0, 4)).toEqual({
      ...none,
      devices: [{ id: 'cpu', ...none }],
      elapsedSeconds: 2,
      rows: 0,
      rowsPerSecond: 0,
      splits: 0,
      totalSplits: 4,
      producers: { count: 1, fetch: 0, decode: 0, transform: 0, collate: 0, blocked: 0, idle: 1 },
    });
  });

  test('tells what the producers did since the report before', () => {
    const { sampler, producer } = device();
    producer.switch(ProducerState.fetch);
    pass(1);
    sampler.sample(0, 1);
    pass(1);
    producer.switch(ProducerState.decode);
    pass(2);
    producer.switch(ProducerState.blocked);
    pass(1);
    const shares = { fetch: 0.25, decode: 0.5, transform: 0, collate: 0, blocked: 0.25, idle: 0 };
    expect(sampler.sample(0, 1).producers).toEqual({ count: 1, ...shares });
  });

  test('counts as producers those that have begun, however many there may be', () => {
    const clocks = createClockPage(3);
    const first = new StateClock(clocks, 0);
    const sampler = new ProgressSampler([], clocks);
    pass(1);
    const third = new StateClock(clocks, 2);
    first.switch(ProducerState.fetch);
    third.switch(ProducerState.collate);
    pass(1);
    expect(sampler.sample(0, 1).producers).toMatchObject({
      count: 2,
      idle: 0.33333,
      fetch: 0.33333,
      collate: 0.33333,
    });
    expect(sampler.sample(0, 1).producers).toMatchObject({ count: 0, idle: 0, fetch: 0 });
  });

  test('has no producers where nobody tells of them', () => {
    expect(new ProgressSampler([]).sample(0, 1)).not.toHaveProperty('producers');
  });

  test('tells how much each cause took since the report before', () => {
    const { sampler, run, producer } = device();
    run(1, 10);
    sampler.sample(0, 1);
    for (const state of [ProducerState.fetch, ProducerState.decode] as const) {
      producer.switch(state);
      pass(1);
      run(2, 10);
    }
    sampler.sample(0, 1);
    producer.switch(ProducerState.decode);
    pass(3);
    run(1, 10);
    expect(sampler.sample(0, 1)).toMatchObject({
      busy: 0.25,
      starved: { total: 0.75, fetch: 0, prep: 0.75 },
    });
  });

  test('takes every time of a device as the difference to the report before', () => {
    const told = (busy: number, each: number): DeviceTimes => ({
      busy,
      starved: { fetch: each, prep: each, batching: each },
      blocked: each,
      handoff: each,
      ...{ firstStart: 1, lastEnd: 2, batches: 0, rows: 0, capacity: 0, tokens: 0, paddedTokens: 0 },
    });
    let times = told(900, 100);
    const ledger = { read: () => times } as unknown as DeviceLedger;
    const sampler = new ProgressSampler([{ id: 'cpu', ledger }]);
    pass(1);
    times = told(1500, 200);
    expect(sampler.sample(0, 1)).toMatchObject({
      busy: 0.6,
      starved: { total: 0.3, fetch: 0.1, prep: 0.1, batching: 0.1 },
      blocked: 0.1,
      handoff: 0.1,
    });
  });

  test('of no time at all divides by nothing', () => {
    const { sampler, run } = device();
    run(1, 10);
    sampler.sample(0, 1);
    expect(sampler.sample(0, 1)).toMatchObject({ busy: 0, rowsPerSecond: 0 });
  });

  test('of several devices has the shares of each, and those of all together, by the length of their windows', () => {
    const { sampler, run, producer } = devices('cuda:0', 'cuda:3');
    run(1, 10);
    run(1, 10, 1);
    sampler.sample(0, 1);
    producer.switch(ProducerState.fetch);
    run(3, 30, 0);
    run(1, 10, 1);
    const starved = (share: number) => ({ total: share, fetch: share, prep: 0, batching: 0 });
    expect(sampler.sample(0, 1)).toMatchObject({
      busy: 0.5,
      starved: starved(0.5),
      rows: 60,
      rowsPerSecond: 10,
      devices: [
        { id: 'cuda:0', busy: 0.75, starved: starved(0.25) },
        { id: 'cuda:3', busy: 0.25, starved: starved(0.75) },
      ],
    });
  });

  test('counts nothing of a device that has not run yet', () => {
    const { sampler, run } = devices('cuda:0', 'cuda:1');
    run(1, 10);
    expect(sampler.sample(0, 1)).toMatchObject({ busy: 1, devices: [{ busy: 1 }, { busy: 0 }] });
  });
});
