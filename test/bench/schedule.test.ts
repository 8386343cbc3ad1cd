import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scheduleFor, sizesFor, sumOf } from '../../src/bench/schedule.js';

const EXTRAS = { producer: true, instance: true };

describe('a schedule', () => {
  test('shares the time out, three rounds at the least', () => {
    const request = fc.record({
      seconds: fc.double({ min: 1, max: 3600, noNaN: true }),
      overhead: fc.double({ min: 0.1, max: 60, noNaN: true }),
    });
    fc.assert(
      fc.property(request, fc.boolean(), ({ seconds, overhead }, writes) => {
        const schedule = scheduleFor({ seconds, overhead, extras: EXTRAS, writes });
        expect(schedule.rounds).toBeGreaterThanOrEqual(3);
        const round = sumOf(schedule.seconds) + overhead;
        // What is left where the time does not suffice is never nothing.
        expect(round).toBeGreaterThan(overhead + 1);
        if (seconds > 3 * (overhead + 2)) expect(schedule.rounds * round).toBeCloseTo(seconds, 3);
      }),
    );
  });

  test('gives what is not measured no time', () => {
    const extras = { producer: false, instance: false };
    const { seconds } = scheduleFor({ seconds: 60, overhead: 1, extras, writes: false });
    expect(seconds).toMatchObject({ oneMoreProducer: 0, oneMoreInstance: 0, sink: 0 });
  });
});

describe('batch sizes', () => {
  const most = Number.POSITIVE_INFINITY;

  test("begin with the job's own, and go up to four times that before they go down", () => {
    expect(sizesFor(16, most)).toEqual([16, 32, 64, 8, 4, 2, 1]);
  });

  test('are powers of two beside it', () => {
    expect(sizesFor(100, most)).toEqual([100, 128, 256, 512, 64, 32, 16, 8, 4, 2, 1]);
  });

  test("end where memory does, and never below the job's own", () => {
    expect(sizesFor(16, 40)).toEqual([16, 32, 8, 4, 2, 1]);
    expect(sizesFor(16, 3)).toEqual([16, 8, 4, 2, 1]);
  });
});
