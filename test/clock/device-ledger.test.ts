import fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type BatchCounts,
  createLedgerMemory,
  DeviceLedger,
  type DeviceTimes,
  type LedgerMemory,
} from '../../src/clock/device-ledger.js';
import { createStallMemory, StallClock } from '../../src/clock/stall-clock.js';
import { type ClockPage, createClockPage, ProducerState, StateClock } from '../../src/clock/state-clock.js';

const time = vi.hoisted(() => ({ at: 0 }));
vi.mock('../../src/clock/now.js', () => ({ now: () => time.at }));

const START = 5_000_000;
const ONE_ROW: BatchCounts = { rows: 1, capacity: 1, tokens: 1, paddedTokens: 1 };

/** Owners of the lock: the sink, the first device; 1 and 2 are for others. */
const SINK = 10;

beforeEach(() => {
  time.at = START;
});

/** The devices of a stream with its sink and its producers' clocks, at one moment of a time that only `pass` moves. */
function stream({ slots = 4, producers = 1, devices = 1 } = {}) {
  const clocks: ClockPage = createClockPage(producers);
  const producer = Array.from({ length: producers }, (_, index) => new StateClock(clocks, index));
  const stalls = createStallMemory(clocks, slots);
  const memories = Array.from({ length: devices }, () => createLedgerMemory(stalls));
  const ledgers = memories.map((memory, index) => new DeviceLedger(memory, SINK + 1 + index));
  const sink = new StallClock(stalls, SINK);
  /** A run of `micros`, and its slot given back at once. */
  const run = (ledger: DeviceLedger, micros: number, batch = ONE_ROW): void => {
    const startedAt = ledger.runStarted();
    pass(micros);
    ledger.runEnded(startedAt, batch);
    sink.slotReleased();
  };
  return { memories, ledgers, producer, sink, run };
}

/** The same for one device. */
function device(sizes: { readonly slots?: number; readonly producers?: number } = {}) {
  const { memories, ledgers, producer, sink, run } = stream(sizes);
  const ledger = ledgers[0] as DeviceLedger;
  return { memory: memories[0] as LedgerMemory, ledger, producer, sink, run };
}

function pass(micros: number): void {
  time.at += micros;
}

function windowOf({ busy, starved, blocked }: DeviceTimes): number {
  return busy + starved.fetch + starved.prep + starved.batching + blocked;
}

describe('busy', () => {
  test('is the time with a run in progress', () => {
    const { ledger, run } = device();
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
    const { ledger, run, sink } = device({ slots: 2 });
    for (let slot = 0; slot < 2; slot++) {
      const startedAt = ledger.runStarted();
      pass(100);
      ledger.runEnded(startedAt, ONE_ROW);
    }
    pass(5000);
    sink.slotReleased();
    pass(40);
    run(ledger, 100);
    const times = ledger.read();
    expect(times).toMatchObject({ busy: 300, blocked: 5000 });
    expect(windowOf(times)).toBe(5340);
  });

  test('is not the time in which one slot is left', () => {
    const { ledger, run } = device({ slots: 2 });
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
    const { ledger, producer, run } = device({ producers: 2 });
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
    // For 400 of 600 microseconds they were at work, and spent 300 of fetch and 500 of prep; then nobody had anything to do.
    expect(ledger.read().starved).toEqual({ fetch: 150, prep: 250, batching: 200 });
  });

  test('takes no account of what producers did while the device was busy', () => {
    const { ledger, producer, run } = device();
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
    const { ledger, producer, run, sink } = device({ slots: 3, producers: 2 });
    const startedAt = ledger.runStarted();
    pass(10);
    ledger.runEnded(startedAt, ONE_ROW);
    producer[0]?.switch(ProducerState.fetch);
    pass(100);
    sink.slotReleased();
    producer[0]?.switch(ProducerState.decode);
    producer[1]?.switch(ProducerState.decode);
    pass(100);
    run(ledger, 10);
    // First half: one fetches, and the other has nothing to do. Second half: both decode.
    expect(ledger.read().starved).toEqual({ fetch: 100, prep: 100, batching: 0 });
  });

  test('without any producer at work is put down to batching', () => {
    const { ledger, run } = device({ producers: 0 });
    run(ledger, 10);
    pass(90);
    run(ledger, 10);
    expect(ledger.read().starved).toEqual({ fetch: 0, prep: 0, batching: 90 });
  });
});

describe('a batch that left unfilled because its rows had waited long enough', () => {
  test('makes the device idle for batching, from the last of them on; before, for what the producers did', () => {
    const { ledger, producer, run } = device();
    producer[0]?.switch(ProducerState.fetch);
    run(ledger, 100);
    pass(300);
    const lastRow = time.at;
    pass(500);
    ledger.runStarted(lastRow, true);
    expect(ledger.read(true)).toMatchObject({ busy: 100, starved: { fetch: 300, prep: 0, batching: 500 } });
  });

  test('counts no waiting from before the device became idle', () => {
    const { ledger, producer, run } = device();
    producer[0]?.switch(ProducerState.fetch);
    const lastRow = time.at;
    run(ledger, 100);
    pass(20);
    ledger.runStarted(lastRow, true);
    expect(ledger.read(true)).toMatchObject({ busy: 100, starved: { fetch: 0, batching: 20 } });
  });
});

test('a device that is idle although its next batch is there is so for batching', () => {
  const { ledger, producer, run } = device();
  producer[0]?.switch(ProducerState.collate);
  const lastRow = time.at;
  run(ledger, 100);
  pass(20);
  ledger.runStarted(lastRow);
  expect(ledger.read(true)).toMatchObject({ busy: 100, starved: { fetch: 0, prep: 0, batching: 20 } });
});

describe('a device that is idle because producers had no free slot before', () => {
  test('is blocked for as long as they could have been ahead, where the sink held slots', () => {
    const { ledger, producer, run, sink } = device({ slots: 3 });
    run(ledger, 100);
    const startedAt = ledger.runStarted();
    producer[0]?.switch(ProducerState.blocked);
    pass(100);
    ledger.runEnded(startedAt, ONE_ROW);
    pass(250);
    sink.slotReleased();
    producer[0]?.switch(ProducerState.collate);
    pass(400);
    // The sink held a slot for 250 microseconds in which the producer had rows for it and no room.
    run(ledger, 100);
    expect(ledger.read()).toMatchObject({
      busy: 300,
      blocked: 250,
      starved: { fetch: 0, prep: 400, batching: 0 },
    });
  });

  test('is starved where the sink held none: a larger ring would have helped, not a faster sink', () => {
    const { ledger, producer, run } = device({ slots: 2 });
    run(ledger, 10);
    producer[0]?.switch(ProducerState.blocked);
    run(ledger, 300);
    producer[0]?.switch(ProducerState.collate);
    pass(200);
    run(ledger, 10);
    expect(ledger.read()).toMatchObject({ busy: 320, blocked: 0, starved: { prep: 200 } });
  });

  test('does not count what went before an idle stretch that is told of already', () => {
    const { ledger, producer, run, sink } = device({ slots: 3 });
    const startedAt = ledger.runStarted();
    pass(10);
    ledger.runEnded(startedAt, ONE_ROW);
    producer[0]?.switch(ProducerState.blocked);
    pass(50);
    sink.slotReleased();
    producer[0]?.switch(ProducerState.fetch);
    pass(50);
    run(ledger, 10);
    pass(70);
    run(ledger, 10);
    expect(ledger.read()).toMatchObject({ blocked: 50, starved: { fetch: 120 } });
  });
});

describe('the window', () => {
  test('begins with the first run: what was before is in none', () => {
    const { ledger, producer, run } = device();
    producer[0]?.switch(ProducerState.fetch);
    pass(123_456);
    run(ledger, 10);
    expect(windowOf(ledger.read())).toBe(10);
    expect(ledger.read()).toMatchObject({ firstStart: START + 123_456, lastEnd: START + 123_466 });
  });

  test('ends with the last run: what comes after is in none, though its slots are given back', () => {
    const { ledger, sink } = device({ slots: 1 });
    const startedAt = ledger.runStarted();
    pass(10);
    ledger.runEnded(startedAt, ONE_ROW);
    const before = ledger.read();
    pass(1000);
    sink.slotReleased();
    pass(1000);
    expect(ledger.read()).toEqual(before);
    expect(windowOf(before)).toBe(10);
  });

  test('read live goes on up to now, without moving the final one', () => {
    const { ledger, run } = device();
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
  const { memory, ledger, run } = device();
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

describe('of two devices on one ring', () => {
  function two(sizes: { readonly slots?: number; readonly producers?: number } = {}) {
    const { ledgers, producer, sink, run } = stream({ ...sizes, devices: 2 });
    const [first, second] = ledgers as [DeviceLedger, DeviceLedger];
    return { first, second, producer: producer[0] as StateClock, sink, run };
  }

  test('each is busy with its own runs alone, over a window of its own', () => {
    const { first, second, run } = two();
    run(first, 100);
    pass(50);
    const startedAt = second.runStarted();
    pass(30);
    run(first, 200);
    pass(20);
    second.runEnded(startedAt, ONE_ROW);
    expect(first.read()).toMatchObject({
      busy: 300,
      batches: 2,
      firstStart: START,
      lastEnd: START + 380,
    });
    expect(windowOf(first.read())).toBe(380);
    expect(second.read()).toMatchObject({ busy: 250, batches: 1, firstStart: START + 150 });
    expect(windowOf(second.read())).toBe(250);
  });

  test('the idle one is blocked while the sink and the run of the other hold every slot', () => {
    const { first, second, sink, run } = two({ slots: 2 });
    run(second, 10);
    const done = first.runStarted();
    pass(100);
    first.runEnded(done, ONE_ROW);
    // The sink holds one of two slots: a batch may come.
    pass(7);
    const running = first.runStarted();
    // The other runs.
    pass(500);
    sink.slotReleased();
    pass(60);
    first.runEnded(running, ONE_ROW);
    run(second, 10);
    expect(second.read()).toMatchObject({ busy: 20, blocked: 500, starved: { batching: 167 } });
    expect(windowOf(second.read())).toBe(687);
    expect(first.read()).toMatchObject({ busy: 660, blocked: 0 });
  });

  test('the idle one is starved, not blocked, where others run in every slot and the sink holds none', () => {
    const { first, second, run } = two({ slots: 2 });
    run(second, 10);
    const runs = [first.runStarted(), first.runStarted()];
    pass(400);
    for (const startedAt of runs) first.runEnded(startedAt, ONE_ROW);
    pass(90);
    second.runStarted();
    expect(second.read(true)).toMatchObject({ busy: 10, blocked: 90, starved: { batching: 400 } });
  });

  test('both are blocked while the sink holds every slot', () => {
    const { first, second, sink } = two({ slots: 2 });
    const runs = [first.runStarted(), second.runStarted()] as const;
    pass(100);
    first.runEnded(runs[0], ONE_ROW);
    pass(50);
    second.runEnded(runs[1], ONE_ROW);
    pass(1000);
    sink.slotReleased();
    expect(first.read(true)).toMatchObject({ busy: 100, blocked: 1050 });
    expect(second.read(true)).toMatchObject({ busy: 150, blocked: 1000 });
  });

  test("the idle one starves for what the producers did while it was idle, whatever the other's state", () => {
    const { first, second, producer, run } = two();
    run(first, 10);
    producer.switch(ProducerState.fetch);
    pass(30);
    const startedAt = second.runStarted();
    pass(40);
    producer.switch(ProducerState.decode);
    second.runEnded(startedAt, ONE_ROW);
    pass(5);
    run(first, 10);
    expect(first.read()).toMatchObject({ busy: 20, starved: { fetch: 70, prep: 5, batching: 0 } });
    expect(second.read()).toMatchObject({ busy: 40, starved: { fetch: 0, prep: 0, batching: 0 } });
  });

  test('one that has not run yet has no times, whatever the other does', () => {
    const { first, second, run } = two();
    run(first, 100);
    expect(windowOf(second.read(true))).toBe(0);
    run(second, 10);
    expect(windowOf(second.read())).toBe(10);
  });
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
      which: fc.nat({ max: 23 }),
      wait: fc.nat({ max: 10_000 }),
    }),
    { maxLength: 120 },
  );
  interface Sizes {
    readonly slots: number;
    readonly producers: number;
    readonly devices: number;
  }

  /** One device's part of the story, in plain counters. */
  class Plain {
    readonly running: (number | undefined)[] = [undefined, undefined];
    times = { busy: 0, starved: 0, blocked: 0, fetch: 0, prep: 0 };
    window = { ...this.times };
    started = false;

    get runs(): number {
      return this.running.filter((at) => at !== undefined).length;
    }
  }

  /**
   * The same story, told twice: to the ledgers, two instances a device, and microsecond by microsecond to plain counters.
   * Steps that can't happen (a run without a slot) are passed over.
   */
  function tell(story: readonly Step[], { slots, producers, devices }: Sizes) {
    time.at = START;
    const { memories, ledgers, producer, sink } = stream({ slots, producers, devices });
    const instances = memories.map((memory, d) =>
      [0, 1].map((i) => new DeviceLedger(memory, 20 + 2 * d + i)),
    );
    const plain = memories.map(() => new Plain());
    const doing: number[] = Array(producers).fill(ProducerState.idle);
    let held = 0;
    const runs = (): number => plain.reduce((sum, device) => sum + device.runs, 0);
    const count = (micros: number): void => {
      pass(micros);
      for (const { times, runs: own, started } of plain) {
        if (!started) continue;
        if (own > 0) times.busy += micros;
        else if (held > 0 && held + runs() >= slots) times.blocked += micros;
        else {
          times.starved += micros;
          if (doing[0] === ProducerState.fetch) times.fetch += micros;
          if ((doing[0] ?? 0) >= 2 && (doing[0] ?? 0) <= 4) times.prep += micros;
        }
      }
    };
    for (const { what, which, wait } of story) {
      count(wait);
      const device = plain[which % devices] as Plain;
      const instance = Math.floor(which / devices) % 2;
      const ledger = instances[which % devices]?.[instance] as DeviceLedger;
      const startedAt = device.running[instance];
      if (what === 'start' && startedAt === undefined && runs() + held < slots) {
        device.running[instance] = ledger.runStarted();
        device.started = true;
      } else if (what === 'end' && startedAt !== undefined) {
        ledger.runEnded(startedAt, ONE_ROW);
        device.running[instance] = undefined;
        held++;
        device.window = { ...device.times };
      } else if (what === 'release' && held > 0) {
        sink.slotReleased();
        held--;
      } else if (what === 'switch') {
        const index = which % producers;
        doing[index] = which % 6;
        producer[index]?.switch(which % 6);
      }
    }
    return ledgers.map((ledger, d) => {
      const { window, times } = plain[d] as Plain;
      return { final: ledger.read(), live: ledger.read(true), window, plain: times };
    });
  }

  test('busy is what a plain counter says, the rest adds up to the window of each device, and is what plain counters say of one producer', () => {
    const sizes = fc.record({
      slots: fc.integer({ min: 1, max: 5 }),
      producers: fc.integer({ min: 1, max: 3 }),
      devices: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(steps, sizes, (story, size) => {
        for (const { final, live, window, plain } of tell(story, size)) {
          for (const [read, expected] of [
            [final, window],
            [live, plain],
          ] as const) {
            const { fetch, prep, batching } = read.starved;
            expect(read.busy).toBe(expected.busy);
            expect(windowOf(read)).toBeCloseTo(expected.busy + expected.starved + expected.blocked, 3);
            expect(Math.min(fetch, prep, batching)).toBeGreaterThanOrEqual(-1e-6);
            expect(read.blocked).toBeGreaterThanOrEqual(expected.blocked);
            // With one producer that never lacks room the ledger sees each microsecond as it was.
            if (size.producers > 1 || story.some(({ what, which }) => what === 'switch' && which % 6 === 5))
              continue;
            expect(read.blocked).toBe(expected.blocked);
            expect(fetch).toBeCloseTo(expected.fetch, 3);
            expect(prep).toBeCloseTo(expected.prep, 3);
          }
          if (final.lastEnd > 0) expect(windowOf(final)).toBeCloseTo(final.lastEnd - final.firstStart, 3);
        }
      }),
      { numRuns: 300 },
    );
  });
});
