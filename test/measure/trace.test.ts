import { describe, expect, test } from 'vitest';
import { ConsumerState, ProducerState } from '../../src/clock/state-clock.js';
import { createTraceMemory, type TraceMemory, TraceWriter } from '../../src/clock/trace.js';
import { chromeTrace } from '../../src/measure/trace.js';
import { SlotState } from '../../src/ring/protocol.js';
import { begun, readTrace, slicesOf, type TraceFile } from '../helpers/trace.js';

const THREADS = [
  { track: 1, name: 'producer 0', states: ProducerState },
  { track: 2, name: 'consumer 0 on cpu', states: ConsumerState },
  { track: 3, name: 'sink', states: undefined },
];
const START = 5_000_000;

/** Batches of 10 µs each, one after another, through one slot after another. */
function pipeline(memory: TraceMemory, batches: number, slots = 2): void {
  const [producer, consumer, sink] = [1, 2, 3].map((track) => new TraceWriter(memory, track));
  for (let batch = 0; batch < batches; batch++) {
    const slot = batch % slots;
    const at = START + batch * 10;
    producer?.state(ProducerState.collate, at);
    producer?.slot(slot, SlotState.FILLING, 0, at + 1);
    producer?.slot(slot, SlotState.SEALED, 64, at + 2);
    producer?.slot(slot, SlotState.READY, 64, at + 3);
    producer?.state(ProducerState.fetch, at + 3.5);
    consumer?.slot(slot, SlotState.RUNNING, 64, at + 4);
    consumer?.state(ConsumerState.running, at + 4.5);
    consumer?.slot(slot, SlotState.DONE, 64, at + 6);
    consumer?.state(ConsumerState.starved, at + 6.5);
    sink?.slot(slot, SlotState.DRAINING, 64, at + 7);
    sink?.slot(slot, SlotState.FREE, 64, at + 8);
  }
}

function traceOf(memory: TraceMemory, endedAt: number): TraceFile {
  return readTrace(chromeTrace(memory, { job: 'a "job"', startedAt: START, endedAt, threads: THREADS }));
}

describe('a trace in the Trace Event Format', () => {
  test('shows what threads did, slots with their states, from the start of the run on', () => {
    const memory = createTraceMemory(4, 4000);
    pipeline(memory, 2);
    const trace = traceOf(memory, START + 30);
    expect(trace.otherData).toEqual({ job: 'a "job"', complete: true });
    const plain = (thread: string) =>
      slicesOf(trace, thread).map(({ name, ts, dur, args }) => [name, ts, dur, args]);
    expect(plain('producer 0')).toEqual([
      ['collate', 0, 3.5, undefined],
      ['fetch', 3.5, 6.5, undefined],
      ['collate', 10, 3.5, undefined],
      ['fetch', 13.5, 16.5, undefined],
    ]);
    expect(plain('consumer 0 on cpu')).toEqual([
      ['running', 4.5, 2, { slot: 0, rows: 64 }],
      ['starved', 6.5, 8, undefined],
      ['running', 14.5, 2, { slot: 1, rows: 64 }],
      ['starved', 16.5, 13.5, undefined],
    ]);
    expect(plain('sink')).toEqual([
      ['empty a slot', 7, 1, { slot: 0, rows: 64 }],
      ['empty a slot', 17, 1, { slot: 1, rows: 64 }],
    ]);
    const slot = trace.traceEvents.filter(({ cat, id }) => cat === 'slot' && id === '0x1');
    expect(slot.map(({ ph, name, ts }) => `${ph} ${name} ${ts}`)).toEqual([
      'b slot 1 11',
      'b FILLING 11',
      'e FILLING 12',
      'b SEALED 12',
      'e SEALED 13',
      'b READY 13',
      'e READY 14',
      'b RUNNING 14',
      'e RUNNING 16',
      'b DONE 16',
      'e DONE 17',
      'b DRAINING 17',
      'e DRAINING 18',
      'e slot 1 18',
    ]);
  });

  test('shows parts while they are written, several at once; what has no end ends with the trace', () => {
    const memory = createTraceMemory(4, 4000);
    const sink = new TraceWriter(memory, 3);
    sink.writeBegin(4);
    sink.writeBegin(5);
    sink.writeEnd(4);
    sink.slot(0, SlotState.FILLING, 0, START + 1);
    const endedAt = Number.MAX_SAFE_INTEGER / 1e4;
    const trace = traceOf(memory, endedAt);
    expect(begun(trace, 'write', /./).map(({ name }) => name)).toEqual(['part 4', 'part 5']);
    const cut = trace.traceEvents.filter(({ args }) => args?.cut === true);
    expect(cut.map(({ name }) => name)).toEqual(['slot 0', 'part 5']);
    for (const { ts } of cut) expect(ts).toBeCloseTo(endedAt - START, 0);
  });

  test('of more than there is room for lacks the same time of every thread, and says so', () => {
    // Room for 100 records a track: the producer's 500 fill it, the sink's 200 too, at other times.
    const memory = createTraceMemory(4, 400);
    pipeline(memory, 100);
    const trace = traceOf(memory, START + 1000);
    const { complete, lostRecords, missingFrom = 0, missingTo = 0 } = trace.otherData;
    expect(complete).toBe(false);
    expect(lostRecords).toBe(400 + 300 + 100);
    // 50 records are 10 batches of the producer.
    expect(missingFrom).toBeCloseTo(93.5, 3);
    expect(missingTo).toBeCloseTo(900, 3);
    for (const { name } of THREADS) {
      const slices = slicesOf(trace, name);
      const gap = slices.filter((slice) => slice.name === 'not recorded');
      expect(gap.map(({ ts, dur }) => [ts, dur])).toEqual([[93.5, 806.5]]);
      for (const { ts, dur = 0 } of slices) expect(ts + dur <= missingFrom || ts >= missingFrom).toBe(true);
    }
    // Nobody was in the middle of nothing when it resumes.
    const resumed = slicesOf(trace, 'consumer 0 on cpu').find(({ ts }) => ts === missingTo);
    expect(resumed).toMatchObject({ name: 'starved', dur: 4.5 });
    // Whole batches only: ten before, the last of them cut, ten after.
    const slots = begun(trace, 'slot', /^slot/);
    expect(slots.filter(({ ts }) => ts < missingFrom)).toHaveLength(10);
    expect(slots.filter(({ ts }) => ts > missingFrom)).toHaveLength(10);
  });

  test('of a thread that never did anything is empty', () => {
    const trace = traceOf(createTraceMemory(4, 4000), START + 1);
    for (const { name } of THREADS) expect(slicesOf(trace, name)).toEqual([]);
  });

  test('names its threads, in the order in which they were given', () => {
    const trace = traceOf(createTraceMemory(4, 4000), START + 1);
    const named = trace.traceEvents.filter(({ ph }) => ph === 'M');
    expect(named.map(({ name, tid, ts, args }) => [name, tid, ts, args])).toEqual([
      ['process_name', 0, 0, { name: 'penstock: a "job"' }],
      ['thread_name', 0, 0, { name: 'slots and parts' }],
      ['thread_name', 1, 0, { name: 'producer 0' }],
      ['thread_sort_index', 1, 0, { sort_index: 0 }],
      ['thread_name', 2, 0, { name: 'consumer 0 on cpu' }],
      ['thread_sort_index', 2, 0, { sort_index: 1 }],
      ['thread_name', 3, 0, { name: 'sink' }],
      ['thread_sort_index', 3, 0, { sort_index: 2 }],
    ]);
    expect(new Set(trace.traceEvents.map(({ pid }) => pid)).size).toBe(1);
    expect(trace.displayTimeUnit).toBe('ms');
  });

  test('has an event a line, for tools that work by the line', () => {
    const memory = createTraceMemory(4, 4000);
    pipeline(memory, 1);
    const lines = chromeTrace(memory, {
      job: 'j',
      startedAt: START,
      endedAt: START + 9,
      threads: THREADS,
    }).split('\n');
    expect(JSON.parse(`${lines[0]}]}`)).toMatchObject({ otherData: { job: 'j' }, traceEvents: [] });
    expect(lines.slice(-2)).toEqual([']}', '']);
    const events = lines.slice(1, -2).map((line) => JSON.parse(line.replace(/,$/, '')));
    expect(events.length).toBeGreaterThan(8 + 4);
    expect(events.every(({ ph }) => typeof ph === 'string')).toBe(true);
  });

  test('tells states of threads, of slots and parts apart, and their numbers', () => {
    const memory = createTraceMemory(4, 4000);
    pipeline(memory, 12, 12);
    new TraceWriter(memory, 3).writeBegin(31);
    const trace = traceOf(memory, Number.MAX_SAFE_INTEGER / 1e4);
    const categories = (thread: string) => [...new Set(slicesOf(trace, thread).map(({ cat }) => cat))];
    expect(THREADS.map(({ name }) => categories(name))).toEqual([['state'], ['state'], ['slot']]);
    const [last] = begun(trace, 'slot', /^slot 11$/);
    expect(last).toMatchObject({ id: '0xb', tid: 0, ts: 111 });
    expect(begun(trace, 'write', /./)).toMatchObject([{ name: 'part 31', id: '0x1f' }]);
    const ends = trace.traceEvents.filter(({ ph, name }) => ph === 'e' && name.startsWith('slot '));
    expect(ends.map(({ args }) => args)).toEqual(Array(12).fill({ rows: 64 }));
  });

  test('is exact to the nanosecond', () => {
    const memory = createTraceMemory(4, 4000);
    const producer = new TraceWriter(memory, 1);
    producer.state(ProducerState.fetch, START + 0.1234);
    producer.state(ProducerState.decode, START + 0.9996);
    producer.state(ProducerState.blocked, START + 2);
    expect(slicesOf(traceOf(memory, START + 3), 'producer 0').map(({ ts, dur }) => [ts, dur])).toEqual([
      [0.123, 0.877],
      [1, 1],
      [2, 1],
    ]);
  });

  test('says of a consumer which slot it runs only where that is known', () => {
    const memory = createTraceMemory(4, 4000);
    const consumer = new TraceWriter(memory, 2);
    consumer.state(ConsumerState.running, START + 1);
    consumer.slot(1, SlotState.DONE, 5, START + 2);
    consumer.state(ConsumerState.running, START + 3);
    consumer.slot(0, SlotState.RUNNING, 7, START + 4);
    consumer.state(ConsumerState.starved, START + 5);
    consumer.state(ConsumerState.running, START + 6);
    const slices = slicesOf(traceOf(memory, START + 7), 'consumer 0 on cpu');
    expect(slices.map(({ name, ts, dur, args }) => [name, ts, dur, args])).toEqual([
      ['running', 1, 2, undefined],
      ['running', 3, 2, undefined],
      ['starved', 5, 1, undefined],
      ['running', 6, 1, { slot: 0, rows: 7 }],
    ]);
  });

  test('of a slot whose beginning is missing begins with its next batch, in the order of time', () => {
    const memory = createTraceMemory(4, 4000);
    const [producer, consumer, sink] = [1, 2, 3].map((track) => new TraceWriter(memory, track));
    sink?.slot(0, SlotState.DRAINING, 9, START + 1);
    sink?.slot(0, SlotState.FREE, 9, START + 2);
    producer?.slot(0, SlotState.FILLING, 0, START + 3);
    producer?.slot(0, SlotState.SEALED, 2, START + 4);
    producer?.slot(0, SlotState.READY, 2, START + 5);
    consumer?.slot(0, SlotState.RUNNING, 2, START + 6);
    const slots = traceOf(memory, START + 8).traceEvents.filter(
      ({ cat, ph }) => cat === 'slot' && ph !== 'X',
    );
    expect(slots.map(({ ph, name, ts, args }) => `${ph} ${name} ${ts} ${JSON.stringify(args)}`)).toEqual([
      'b slot 0 3 undefined',
      'b FILLING 3 undefined',
      'e FILLING 4 undefined',
      'b SEALED 4 undefined',
      'e SEALED 5 undefined',
      'b READY 5 undefined',
      'e READY 6 undefined',
      'b RUNNING 6 undefined',
      'e RUNNING 8 undefined',
      'e slot 0 8 {"cut":true}',
    ]);
  });

  test('calls a state that has no name by its number', () => {
    const memory = createTraceMemory(4, 4000);
    new TraceWriter(memory, 1).state(9, START);
    expect(slicesOf(traceOf(memory, START + 1), 'producer 0')).toMatchObject([{ name: 'state 9', dur: 1 }]);
  });

  test('has an end of a part only where it began', () => {
    const memory = createTraceMemory(4, 4000);
    const sink = new TraceWriter(memory, 3);
    sink.writeEnd(2);
    sink.writeBegin(3);
    sink.writeEnd(3);
    const parts = traceOf(memory, Number.MAX_SAFE_INTEGER / 1e4).traceEvents.filter(
      ({ cat }) => cat === 'write',
    );
    expect(parts.map(({ ph, name, args }) => [ph, name, args])).toEqual([
      ['b', 'part 3', undefined],
      ['e', 'part 3', undefined],
    ]);
  });
});
