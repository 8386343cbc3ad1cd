import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createLedgerMemory, DeviceLedger } from '../../src/clock/device-ledger.js';
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

function device() {
  const clocks = createClockPage(1);
  const producer = new StateClock(clocks, 0);
  const memory = createLedgerMemory(clocks, 4);
  const ledger = new DeviceLedger(memory, 1);
  // The main thread samples with an owner of its own.
  const sampler = new ProgressSampler(new DeviceLedger(memory, 2));
  const run = (seconds: number, rows: number): void => {
    const startedAt = ledger.runStarted();
    pass(seconds);
    ledger.runEnded(startedAt, { rows, capacity: rows, tokens: rows, paddedTokens: rows });
    ledger.slotReleased();
  };
  return { ledger, producer, sampler, run };
}

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
    expect(sampler.sample(0, 4)).toEqual({
      busy: 0,
      starved: { total: 0, fetch: 0, prep: 0, batching: 0 },
      blocked: 0,
      elapsedSeconds: 2,
      rows: 0,
      rowsPerSecond: 0,
      splits: 0,
      totalSplits: 4,
    });
  });

  test('of no time at all divides by nothing', () => {
    const { sampler, run } = device();
    run(1, 10);
    sampler.sample(0, 1);
    expect(sampler.sample(0, 1)).toMatchObject({ busy: 0, rowsPerSecond: 0 });
  });
});
