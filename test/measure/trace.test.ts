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
});
