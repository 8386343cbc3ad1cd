import { describe, expect, test } from 'vitest';
import { createClockPage, StateClock } from '../../src/clock/state-clock.js';
import { createTraceMemory, readTrack, Traced, TraceWriter } from '../../src/clock/trace.js';

/** A track into which so many records were written, one a microsecond. */
function trackOf(records: number, capacity: number) {
  const memory = createTraceMemory(1, capacity);
  const writer = new TraceWriter(memory, 0);
  for (let i = 0; i < records; i++) writer.state(i % 6, i);
  return readTrack(memory, 0);
}

describe('a track of a trace', () => {
  test('gives back what was recorded, in its order', () => {
    const memory = createTraceMemory(3, 300);
    const writer = new TraceWriter(memory, 1);
    writer.state(4, 10);
    writer.slot(1_000_000, 6, 65_536, 12.5);
    writer.writeBegin(2_000_000_000);
    writer.writeEnd(7);
    const { first, latest, lost } = readTrack(memory, 1);
    expect(lost).toBe(0);
    expect([...first, ...latest].map(({ at: _, ...rest }) => rest)).toEqual([
      { kind: Traced.state, state: 4, slot: 0, about: 0 },
      { kind: Traced.slot, state: 6, slot: 1_000_000, about: 65_536 },
      { kind: Traced.writeBegin, state: 0, slot: 0, about: 2_000_000_000 },
      { kind: Traced.writeEnd, state: 0, slot: 0, about: 7 },
    ]);
    expect(first.map(({ at }) => at).slice(0, 2)).toEqual([10, 12.5]);
    expect(readTrack(memory, 0).first).toEqual([]);
    expect(readTrack(memory, 2).first).toEqual([]);
  });

  test.each([0, 1, 3, 4, 5, 7, 8])('with room for 8 keeps all of %d', (records) => {
    const { first, latest, lost } = trackOf(records, 8);
    expect(lost).toBe(0);
    expect([...first, ...latest].map(({ at }) => at)).toEqual(Array.from({ length: records }, (_, i) => i));
  });

  test.each([9, 11, 12, 13, 1000])(
    'with room for 8 keeps of %d the first four and the latest four',
    (records) => {
      const { first, latest, lost } = trackOf(records, 8);
      expect(first.map(({ at }) => at)).toEqual([0, 1, 2, 3]);
      expect(latest.map(({ at }) => at)).toEqual([4, 3, 2, 1].map((back) => records - back));
      expect(lost).toBe(records - 8);
    },
  );

  test('is written by every writer of its thread in turn', () => {
    const memory = createTraceMemory(1, 100);
    const [one, other] = [new TraceWriter(memory, 0), new TraceWriter(memory, 0)];
    one.state(1, 1);
    other.slot(0, 2, 3, 2);
    one.state(2, 3);
    expect(readTrack(memory, 0).first.map(({ at }) => at)).toEqual([1, 2, 3]);
  });
});

test('a state clock records the state that it starts in, and changes of it, but no repetitions', () => {
  const memory = createTraceMemory(1, 100);
  const clock = new StateClock(createClockPage(1), 0, new TraceWriter(memory, 0));
  const at = readTrack(memory, 0).first[0]?.at ?? 0;
  for (const [i, state] of [1, 1, 4, 4, 1].entries()) clock.switch(state, at + i + 1);
  const { first } = readTrack(memory, 0);
  expect(first.map((record) => record.state)).toEqual([0, 1, 4, 1]);
  expect(first.slice(1).map((record) => Math.round(record.at - at))).toEqual([1, 3, 5]);
});
