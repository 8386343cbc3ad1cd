import { describe, expect, test } from 'vitest';
import { createTraceMemory, type TraceMemory, type TraceRecord, TraceWriter } from '../../src/clock/trace.js';
import { stretchesOf } from '../../src/measure/trace-stretch.js';

/** States at these times, one after another, in a track; the number of a state is its place. */
function record(memory: TraceMemory, track: number, times: readonly number[]): void {
  const writer = new TraceWriter(memory, track);
  for (const [state, at] of times.entries()) writer.state(state, at);
}

const plain = (tracks: readonly (readonly TraceRecord[])[]) =>
  tracks.map((records) => records.map(({ at, state }) => [at, state]));

describe('what was recorded', () => {
  test('is one stretch where there was room for all of it', () => {
    const memory = createTraceMemory(2, 8);
    record(memory, 0, [1, 2, 3, 4]);
    record(memory, 1, [2.5]);
    const { stretches, lost } = stretchesOf(memory, 0.5, 9);
    expect(lost).toBe(0);
    expect(stretches).toHaveLength(1);
    expect(stretches[0]).toMatchObject({ from: 0.5, to: 9 });
    expect(plain(stretches[0]?.tracks ?? [])).toEqual([
      [
        [1, 0],
        [2, 1],
        [3, 2],
        [4, 3],
      ],
      [[2.5, 0]],
    ]);
  });

  test('is two where there was not: every thread lacks the time that the first one lacks that any does', () => {
    const memory = createTraceMemory(3, 12);
    record(memory, 0, [1, 2, 3, 4, 5, 6]);
    record(memory, 1, [1, 3, 3.5, 4, 7]);
    record(memory, 2, [0.5, 2, 6]);
    const { stretches, lost } = stretchesOf(memory, 0, 9);
    expect(lost).toBe(2 + 1);
    expect(stretches.map(({ from, to }) => [from, to])).toEqual([
      [0, 2],
      [5, 9],
    ]);
    const [before, after] = stretches.map(({ tracks }) => plain(tracks));
    expect(before).toEqual([
      [
        [1, 0],
        [2, 1],
      ],
      [[1, 0]],
      [
        [0.5, 0],
        [2, 1],
      ],
    ]);
    // Each is in the state that it was in, where that is known.
    expect(after).toEqual([
      [
        [5, 4],
        [6, 5],
      ],
      [
        [5, 3],
        [7, 4],
      ],
      [
        [5, 1],
        [6, 2],
      ],
    ]);
  });

  test('of slots and parts is not carried over to where it resumes', () => {
    const memory = createTraceMemory(2, 8);
    record(memory, 0, [1, 2, 3, 4, 5, 6]);
    new TraceWriter(memory, 1).slot(7, 1, 3, 1);
    const [before, after] = stretchesOf(memory, 0, 9).stretches;
    expect(before?.tracks[1]).toMatchObject([{ at: 1, slot: 7 }]);
    expect(after?.tracks[1]).toEqual([]);
  });
});
