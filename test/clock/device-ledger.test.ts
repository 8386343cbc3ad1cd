import fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type BatchCounts,
  createLedgerMemory,
  DeviceLedger,
  type DeviceTimes,
} from '../../src/clock/device-ledger.js';
import { type ClockPage, createClockPage, ProducerState, StateClock } from '../../src/clock/state-clock.js';

const time = vi.hoisted(() => ({ at: 0 }));
vi.mock('../../src/clock/now.js', () => ({ now: () => time.at }));

const START = 5_000_000;

beforeEach(() => {
  time.at = START;
});

/** A device with its producers' clocks, at one moment of a time that only `pass` moves. */
function device({ slots = 4, producers = 1 } = {}) {
  const clocks: ClockPage = createClockPage(producers);
  const producer = Array.from({ length: producers }, (_, index) => new StateClock(clocks, index));
  const memory = createLedgerMemory(clocks, slots);
  return { memory, producer, ledger: new DeviceLedger(memory, 1) };
}

function pass(micros: number): void {
  time.at += micros;
}

const ONE_ROW: BatchCounts = { rows: 1, capacity: 1, tokens: 1, paddedTokens: 1 };

/** A run of `micros`, and its slot given back at once. */
function run(ledger: DeviceLedger, micros: number, batch = ONE_ROW): void {
  const startedAt = ledger.runStarted();
  pass(micros);
  ledger.runEnded(startedAt, batch);
  ledger.slotReleased();
}

function windowOf({ busy, starved, blocked }: DeviceTimes): number {
  return busy + starved.fetch + starved.prep + starved.batching + blocked;
}

describe('busy', () => {
  test('is the time with a run in progress', () => {
    const { ledger } = device();
    run(ledger, 700);
    pass(100);
    run(ledger, 30);
    expect(ledger.read().busy).toBe(730);
  });

  test('counts what runs of two instances share once', () => {
    const { memory, ledger } = device();
    const other = new DeviceLedger(memory, 2);
    const first = ledger.runStarted();
    pass(100);
    const second = other.runStarted();
    pass(50);
    ledger.runEnded(first, ONE_ROW);
    pass(70);
    other.runEnded(second, ONE_ROW);
    const times = ledger.read();
    expect(times).toMatchObject({ busy: 220, blocked: 0, batches: 2 });
    expect(windowOf(times)).toBe(220);
    expect(other.read()).toEqual(times);
  });

  test('includes a run that lies within another', () => {
    const { memory, ledger } = device();
    const other = new DeviceLedger(memory, 2);
    const outer = ledger.runStarted();
    pass(10);
    const inner = other.runStarted();
    pass(10);
    other.runEnded(inner, ONE_ROW);
    pass(10);
    ledger.runEnded(outer, ONE_ROW);
    expect(ledger.read().busy).toBe(30);
  });
});

describe('blocked', () => {
  test('is the time without a run in which the sink holds every slot', () => {
    const { ledger } = device({ slots: 2 });
    for (let slot = 0; slot < 2; slot++) {
      const startedAt = ledger.runStarted();
      pass(100);
      ledger.runEnded(startedAt, ONE_ROW);
    }
    pass(5000);
    ledger.slotReleased();
    pass(40);
    run(ledger, 100);
    const times = ledger.read();
    expect(times).toMatchObject({ busy: 300, blocked: 5000 });
    expect(windowOf(times)).toBe(5340);
  });

  test('is not the time in which one slot is left', () => {
    const { ledger } = device({ slots: 2 });
    const startedAt = ledger.runStarted();
    pass(100);
    ledger.runEnded(startedAt, ONE_ROW);
    pass(900);
    run(ledger, 100);
    expect(ledger.read()).toMatchObject({ busy: 200, blocked: 0 });
  });
});

describe('a starved interval', () => {
  test("is split as the producers' clocks say", () => {
    const { ledger, producer } = device({ producers: 2 });
    const [one, two] = producer;
    run(ledger, 100);
    one?.switch(ProducerState.fetch);
    two?.switch(ProducerState.decode);
    pass(300);
    one?.switch(ProducerState.transform);
    two?.switch(ProducerState.collate);
    pass(100);
    one?.switch(ProducerState.blocked);
    two?.switch(ProducerState.idle);
    pass(200);
    run(ledger, 100);
    // 600 microseconds, in which two producers spent 300 of fetch, 500 of prep and 400 of waiting.
    expect(ledger.read().starved).toEqual({ fetch: 150, prep: 250, batching: 200 });
  });

  test('takes no account of what producers did while the device was busy', () => {
    const { ledger, producer } = device();
    producer[0]?.switch(ProducerState.fetch);
    const startedAt = ledger.runStarted();
    pass(1_000_000);
    producer[0]?.switch(ProducerState.collate);
    ledger.runEnded(startedAt, ONE_ROW);
    pass(60);
    producer[0]?.switch(ProducerState.fetch);
    pass(20);
    run(ledger, 10);
    expect(ledger.read().starved).toEqual({ fetch: 20, prep: 60, batching: 0 });
  });

  test('is split for each piece of it, where something else changes in between', () => {
    const { ledger, producer } = device({ slots: 3, producers: 2 });
    const startedAt = ledger.runStarted();
    pass(10);
    ledger.runEnded(startedAt, ONE_ROW);
    producer[0]?.switch(ProducerState.fetch);
    pass(100);
    ledger.slotReleased();
    producer[0]?.switch(ProducerState.decode);
    producer[1]?.switch(ProducerState.decode);
    pass(100);
    run(ledger, 10);
    // First half: one fetches, one idles. Second half: both decode.
    expect(ledger.read().starved).toEqual({ fetch: 50, prep: 100, batching: 50 });
  });

  test('without any producer at work is put down to batching', () => {
    const { ledger } = device({ producers: 0 });
    run(ledger, 10);
    pass(90);
    run(ledger, 10);
    expect(ledger.read().starved).toEqual({ fetch: 0, prep: 0, batching: 90 });
  });
});

describe('the window', () => {
  test('begins with the first run: what was before is in none', () => {
    const { ledger, producer } = device();
    producer[0]?.switch(ProducerState.fetch);
    pass(123_456);
    run(ledger, 10);
    expect(windowOf(ledger.read())).toBe(10);
    expect(ledger.read()).toMatchObject({ firstStart: START + 123_456, lastEnd: START + 123_466 });
  });

  test('ends with the last run: what comes after is in none, though its slots are given back', () => {
    const { ledger } = device({ slots: 1 });
    const startedAt = ledger.runStarted();
    pass(10);
    ledger.runEnded(startedAt, ONE_ROW);
    const before = ledger.read();
    pass(1000);
    ledger.slotReleased();
    pass(1000);
    expect(ledger.read()).toEqual(before);
    expect(windowOf(before)).toBe(10);
  });

  test('read live goes on up to now, without moving the final one', () => {
    const { ledger } = device();
    run(ledger, 10);
    pass(40);
    expect(windowOf(ledger.read(true))).toBe(50);
    expect(windowOf(ledger.read())).toBe(10);
    run(ledger, 10);
    expect(windowOf(ledger.read())).toBe(60);
  });

  test('is empty where nothing has run', () => {
    const { ledger, producer } = device();
    producer[0]?.switch(ProducerState.fetch);
    pass(1000);
    for (const live of [false, true]) {
      expect(windowOf(ledger.read(live))).toBe(0);
      expect(ledger.read(live)).toMatchObject({ firstStart: 0, lastEnd: 0, batches: 0 });
    }
  });
});

test('batches, rows, tokens and room are counted over all instances, and how long runs took', () => {
  const { memory, ledger } = device();
  const full = { rows: 64, capacity: 64, tokens: 900, paddedTokens: 1024 };
  run(ledger, 100, full);
  run(new DeviceLedger(memory, 2), 200, full);
  run(ledger, 5000, { rows: 7, capacity: 32, tokens: 70, paddedTokens: 256 });
  expect(ledger.read()).toMatchObject({
    batches: 3,
    rows: 135,
    capacity: 160,
    tokens: 1870,
    paddedTokens: 2304,
  });
  expect(ledger.runMicros.quantile(0.5)).toBeGreaterThan(193);
  expect(ledger.runMicros.quantile(0.5)).toBeLessThan(207);
  expect(Math.abs(ledger.runMicros.quantile(1) - 5000)).toBeLessThan(160);
});

describe('whatever happens', () => {
  type Step = {
    readonly what: 'start' | 'end' | 'release' | 'switch';
    readonly which: number;
    readonly wait: number;
  };
  const steps = fc.array(
    fc.record({
      what: fc.constantFrom<Step['what']>('start', 'end', 'release', 'switch'),
      which: fc.nat({ max: 11 }),
      wait: fc.nat({ max: 10_000 }),
    }),
    { maxLength: 120 },
  );

  /**
   * The same story, told twice: to the ledger, and microsecond by microsecond to plain counters. Steps that can't
   * happen (a run without a slot) are passed over.
   */
  function tell(story: readonly Step[], slots: number, producers: number) {
    time.at = START;
    const { memory, producer } = device({ slots, producers });
    const instances = [new DeviceLedger(memory, 1), new DeviceLedger(memory, 2)];
    const sink = new DeviceLedger(memory, 3);
    const running: (number | undefined)[] = [undefined, undefined];
    const doing: number[] = Array(producers).fill(ProducerState.idle);
    let held = 0;
    const plain = { busy: 0, starved: 0, blocked: 0, fetch: 0, prep: 0 };
    let window = { ...plain };
    let started = false;
    const count = (micros: number): void => {
      pass(micros);
      if (!started) return;
      if (running.some((at) => at !== undefined)) plain.busy += micros;
      else if (held >= slots) plain.blocked += micros;
      else {
        plain.starved += micros;
        plain.fetch += (micros * doing.filter((state) => state === ProducerState.fetch).length) / producers;
        plain.prep += (micros * doing.filter((state) => state >= 2 && state <= 4).length) / producers;
      }
    };
    for (const { what, which, wait } of story) {
      count(wait);
      const instance = which % 2;
      const ledger = instances[instance] as DeviceLedger;
      const busy = running.filter((at) => at !== undefined).length;
      const startedAt = running[instance];
      if (what === 'start' && startedAt === undefined && busy + held < slots) {
        running[instance] = ledger.runStarted();
        started = true;
      } else if (what === 'end' && startedAt !== undefined) {
        ledger.runEnded(startedAt, ONE_ROW);
        running[instance] = undefined;
        held++;
        window = { ...plain };
      } else if (what === 'release' && held > 0) {
        sink.slotReleased();
        held--;
      } else if (what === 'switch') {
        const index = which % producers;
        doing[index] = which % 6;
        producer[index]?.switch(which % 6);
      }
    }
    return { times: sink.read(), live: sink.read(true), window, plain };
  }

  test('busy, starved and blocked are what plain counters say, and add up to the window', () => {
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        (story, slots, producers) => {
          const { times, live, window, plain } = tell(story, slots, producers);
          for (const [read, expected] of [
            [times, window],
            [live, plain],
          ] as const) {
            const { fetch, prep, batching } = read.starved;
            expect([read.busy, read.blocked]).toEqual([expected.busy, expected.blocked]);
            expect(fetch).toBeCloseTo(expected.fetch, 3);
            expect(prep).toBeCloseTo(expected.prep, 3);
            expect(fetch + prep + batching).toBeCloseTo(expected.starved, 3);
          }
          if (times.lastEnd > 0) expect(windowOf(times)).toBeCloseTo(times.lastEnd - times.firstStart, 3);
        },
      ),
      { numRuns: 300 },
    );
  });
});
