import { Schema } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import type { LoopResult } from '../../src/bench/requests.js';
import { chooseSample } from '../../src/bench/sample.js';
import type { Dataset, Split } from '../../src/dataset/types.js';

const MIB = 2 ** 20;

function datasetOf(splits: number, bytes = MIB, filter?: string): Dataset {
  const object = { uri: 'a.arrow', size: splits * bytes, version: '1' };
  const all = Array.from(
    { length: splits },
    (_, i): Split => ({ ordinal: i, object, first: i, count: 1, bytes }),
  );
  return {
    format: 'arrow',
    objects: [object],
    schema: new Schema([]),
    splits: all,
    bytes: splits * bytes,
    filter,
  };
}

/** A first pass that came through so many splits of 100 rows each, and so many rows of the next. */
function passOf(splits: number, rowsOfNext = 0): LoopResult {
  const rows = 100 * splits + rowsOfNext;
  const micros = { fetch: 1, prep: 1, run: 1, write: 1 };
  const splitRows = Array.from({ length: splits }, () => 100);
  return { rows, seconds: 1, rowsPerSecond: rows, micros, splitRows, rowsOfNext, bytesWritten: 0 };
}

const SLOW = { loader: 1_000, device: 100, sink: 1_000, pipeline: 80 };

describe('a sample', () => {
  test('is all of a small data set, however often the first pass went through it', () => {
    const { slow, fast, isCut } = chooseSample(datasetOf(4), passOf(40), SLOW);
    expect(slow.splits).toHaveLength(4);
    expect(slow.rows).toBe(400);
    expect(fast.splits).toHaveLength(4);
    expect(isCut).toBe(false);
  });

  test('is as much of a large one as takes about a second, more for the stages that do not run the model', () => {
    const { slow, fast } = chooseSample(datasetOf(1000), passOf(2), SLOW);
    expect(slow.splits).toHaveLength(2);
    expect(slow.rows).toBe(200);
    expect(fast.splits).toHaveLength(10);
  });

  test('is more than the first pass came through where the pipeline will do more', () => {
    const { slow } = chooseSample(datasetOf(1000), passOf(2), { ...SLOW, pipeline: 500 });
    expect(slow.splits).toHaveLength(5);
    expect(slow.rows).toBe(500);
  });

  test('is bounded in bytes', () => {
    const { fast } = chooseSample(datasetOf(1000, 64 * MIB), passOf(2), { ...SLOW, loader: 1e6 });
    expect(fast.splits).toHaveLength(4);
  });

  test('is a part of the first split where even that is too much', () => {
    const { slow, fast, isCut } = chooseSample(datasetOf(8), passOf(0, 192), SLOW);
    expect(isCut).toBe(true);
    expect(slow).toMatchObject({ rows: 192, splits: [{ ordinal: 0, limit: 192 }] });
    expect(fast.splits).toEqual([expect.not.objectContaining({ limit: 192 })]);
  });

  test('is the whole first split where a filter hides how many rows have to be read', () => {
    const { slow, isCut } = chooseSample(datasetOf(8, MIB, 'x > 1'), passOf(0, 192), SLOW);
    expect(isCut).toBe(false);
    expect(slow.splits).toEqual([expect.not.objectContaining({ limit: 192 })]);
  });
});
