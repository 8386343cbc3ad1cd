import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ProducedSplit } from '../../src/produce/types.js';
import { ConsumerSide } from '../../src/ring/consumer-side.js';
import { ControlSide } from '../../src/ring/control-side.js';
import { planSlotLayout, type RowTensor } from '../../src/ring/layout.js';
import { ProducerSide } from '../../src/ring/producer-side.js';
import { SlotState } from '../../src/ring/protocol.js';
import { createRingMemory, MAIN_OWNER, Ring } from '../../src/ring/ring.js';
import { SinkSide } from '../../src/ring/sink-side.js';
import { Assembly } from '../../src/sink/assembly.js';
import type { CompleteSplit, OutputColumn } from '../../src/sink/types.js';
import { random } from '../helpers/random.js';

const OUTPUTS: RowTensor[] = [
  { name: 'pair', dtype: 'float32', rowDims: [2] },
  { name: 'id', dtype: 'int64', rowDims: [] },
];
const COLUMNS: OutputColumn[] = [
  { tensor: 1, as: 'number' },
  { tensor: 0, as: 'both' },
];

/** What a model gives for a row of a split. */
const outputsOf = (split: number, row: number) => ({ id: BigInt(split * 1000 + row), pair: [row, -split] });

const produced = (ordinal: number, ...batchRows: number[]): ProducedSplit => ({
  split: ordinal,
  ordinal,
  rowsRead: batchRows.reduce((sum, rows) => sum + rows, 0),
  deadLetters: [],
  origins: [],
  batchRows,
  keep: [],
  bytes: 0,
});

/** A ring with one lane a split, driven by hand from one thread. */
class Pipeline {
  readonly ring: Ring;
  readonly #lanes: ProducerSide[];
  readonly #consumer: ConsumerSide;
  readonly #sink: SinkSide;

  constructor(splits: number, capacity: number, slots: number) {
    const layout = planSlotLayout([{ length: 1, capacity }], [], OUTPUTS);
    const config = {
      slots,
      lanes: splits,
      splits,
      maxDelayMicros: Number.POSITIVE_INFINITY,
      fixedOrder: false,
    };
    this.ring = new Ring(createRingMemory(layout, config), MAIN_OWNER);
    this.#lanes = Array.from({ length: splits }, (_, lane) => new ProducerSide(this.ring, lane));
    this.#consumer = new ConsumerSide(this.ring);
    this.#sink = new SinkSide(this.ring);
  }

  /** Puts up to `want` rows of a split into the open slot. Returns how many. */
  put(split: number, row: number, want: number): number {
    const claim = this.#lanes[split]?.claim(split, row, want, 0, () => {
      throw new Error('no slot is free');
    });
    this.#lanes[split]?.commit(claim?.count);
    return claim?.count ?? 0;
  }

  /** Runs a slot that is ready; −1 where none is. */
  run(): number {
    const slot = this.#consumer.take();
    if (slot < 0) return slot;
    const [pair, id] = this.ring.layout.outputs.map((region) =>
      this.ring.view(slot, region, this.ring.bucketOf(slot)),
    );
    for (const { split, row, first, count } of this.ring.runs(slot)) {
      for (let i = 0; i < count; i++) {
        const outputs = outputsOf(split, row + i);
        (id as BigInt64Array)[first + i] = outputs.id;
        (pair as Float32Array).set(outputs.pair, (first + i) * 2);
      }
    }
    this.#consumer.finish(slot);
    return slot;
  }

  /** Hands a slot that is done to the assembly, which must not look at it afterwards. */
  drain(assembly: Assembly): CompleteSplit[] {
    const slot = this.#sink.take();
    if (slot < 0) return [];
    const complete = assembly.take(slot);
    for (const region of this.ring.layout.outputs) {
      this.ring
        .view(slot, region, this.ring.bucketOf(slot))
        .fill((region.dtype === 'int64' ? -9n : -9) as never);
    }
    this.#sink.release(slot);
    return complete;
  }

  async end(): Promise<void> {
    await new ControlSide(this.ring).end();
  }
}

/** A complete split as the values of its rows. */
function rowsOf({ outputs }: CompleteSplit) {
  const [ids, pairs] = outputs.map(({ values }) => values) as [BigInt64Array, Float32Array];
  return Array.from(ids, (id, row) => ({ id, pair: Array.from(pairs.subarray(row * 2, row * 2 + 2)) }));
}

const expected = (split: number, rows: number) =>
  Array.from({ length: rows }, (_, row) => outputsOf(split, row));

describe('rows that come in any order', () => {
  const scenario = fc.record({
    rows: fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 5 }),
    capacity: fc.integer({ min: 1, max: 9 }),
    slots: fc.integer({ min: 2, max: 6 }),
    seed: fc.nat(),
  });

  test('come back in the order of their split, and each split completes once, whatever comes first', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ rows, capacity, slots, seed }) => {
        const complete = await play(rows, new Pipeline(rows.length, capacity, slots), random(seed));
        const ordinals = complete.map(({ produced: { ordinal } }) => ordinal);
        expect(ordinals.sort((a, b) => a - b)).toEqual(rows.map((_, split) => split));
        for (const split of complete) {
          const { ordinal } = split.produced;
          expect(rowsOf(split)).toEqual(expected(ordinal, rows[ordinal] as number));
        }
      }),
      { numRuns: 150 },
    );
  });

  /** Producers, consumer, sink and main thread do what they can, one at a time, in random order, until all is done. */
  async function play(
    rows: readonly number[],
    pipeline: Pipeline,
    next: () => number,
  ): Promise<CompleteSplit[]> {
    const below = (limit: number): number => Math.floor(next() * limit);
    const assembly = new Assembly(pipeline.ring, COLUMNS);
    const complete: CompleteSplit[] = [];
    const left = rows.map((count, split) => ({ split, row: 0, count }));
    const untold = [...left];
    let ended = false;
    for (;;) {
      const has = (state: SlotState): boolean => pipeline.ring.countIn(state) > 0;
      const open = left.filter(({ row, count }) => row < count);
      const silent = untold.filter((split) => !open.includes(split));
      const actions: (() => void | Promise<void>)[] = [];
      if (open.length > 0 && (has(SlotState.FREE) || has(SlotState.FILLING))) {
        actions.push(() => {
          const one = open[below(open.length)] as (typeof open)[number];
          one.row += pipeline.put(one.split, one.row, Math.min(one.count - one.row, 1 + below(12)));
        });
      }
      if (has(SlotState.READY)) actions.push(() => void pipeline.run());
      if (has(SlotState.DONE)) actions.push(() => void complete.push(...pipeline.drain(assembly)));
      if (silent.length > 0) {
        actions.push(() => {
          const [one] = untold.splice(
            untold.indexOf(silent[below(silent.length)] as (typeof open)[number]),
            1,
          );
          if (one) complete.push(...assembly.produced(produced(one.split, one.count)));
        });
      }
      if (open.length === 0 && !ended) {
        actions.push(async () => {
          ended = true;
          await pipeline.end();
        });
      }
      if (actions.length === 0) return complete;
      await actions[below(actions.length)]?.();
    }
  }
});

describe('a split is complete', () => {
  test('with its last row, where it is known by then how many there are', async () => {
    const pipeline = new Pipeline(1, 4, 3);
    const assembly = new Assembly(pipeline.ring, COLUMNS);
    pipeline.put(0, 0, 4);
    pipeline.put(0, 4, 3);
    await pipeline.end();
    expect(assembly.produced(produced(0, 5, 2))).toEqual([]);
    pipeline.run();
    pipeline.run();
    expect(pipeline.drain(assembly)).toEqual([]);
    const [complete] = pipeline.drain(assembly);
    expect(complete?.produced).toEqual(produced(0, 5, 2));
    expect(complete && rowsOf(complete)).toEqual(expected(0, 7));
  });

  test('when that becomes known, where the rows were first', () => {
    const pipeline = new Pipeline(1, 4, 2);
    const assembly = new Assembly(pipeline.ring, COLUMNS);
    pipeline.put(0, 0, 4);
    pipeline.run();
    expect(pipeline.drain(assembly)).toEqual([]);
    const [complete] = assembly.produced(produced(0, 4));
    expect(complete && rowsOf(complete)).toEqual(expected(0, 4));
  });

  test('at once where it has no rows', () => {
    const assembly = new Assembly(new Pipeline(1, 4, 2).ring, COLUMNS);
    for (const batchRows of [[], [0], [0, 0]]) {
      const [complete, ...more] = assembly.produced(produced(3, ...batchRows));
      expect(more).toEqual([]);
      expect(complete?.outputs.map(({ as, values }) => [as, values.length])).toEqual([
        ['number', 0],
        ['both', 0],
      ]);
    }
  });

  test('together with others whose last rows are in the same slot', () => {
    const pipeline = new Pipeline(3, 6, 2);
    const assembly = new Assembly(pipeline.ring, COLUMNS);
    for (const split of [2, 0, 1]) {
      pipeline.put(split, 0, 2);
      expect(assembly.produced(produced(split, 2))).toEqual([]);
    }
    pipeline.run();
    const complete = pipeline.drain(assembly);
    expect(complete.map((split) => [split.produced.ordinal, rowsOf(split)])).toEqual(
      [2, 0, 1].map((split) => [split, expected(split, 2)]),
    );
  });

  test('also where no output is wanted', () => {
    const pipeline = new Pipeline(1, 2, 2);
    const assembly = new Assembly(pipeline.ring, []);
    pipeline.put(0, 0, 2);
    pipeline.run();
    expect(assembly.produced(produced(0, 2))).toEqual([]);
    expect(pipeline.drain(assembly)).toEqual([{ produced: produced(0, 2), outputs: [] }]);
  });
});

test('an output that the model does not have is refused', () => {
  const assembly = new Assembly(new Pipeline(1, 2, 2).ring, [{ tensor: 9, as: 'x' }]);
  expect(() => assembly.produced(produced(0, 1))).toThrow('no output tensor 9');
});
