import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketFor, planBuckets, sizeToRun } from '../../src/ring/buckets.js';
import { batchDims, checkArena, planSlotLayout, type RowTensor, rowElements } from '../../src/ring/layout.js';
import { ControlMap, Header, RunWord, SlotWord, SplitWord } from '../../src/ring/protocol.js';
import { createRingMemory, Ring } from '../../src/ring/ring.js';
import { bytesOf, DTYPES, sizeOf } from '../../src/util/dtype.js';
import { UsageError } from '../../src/util/errors.js';

const tensor = fc.record({
  name: fc.string(),
  dtype: fc.constantFrom(...DTYPES),
  rowDims: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }),
  padded: fc.boolean(),
});
const tensors: fc.Arbitrary<RowTensor[]> = fc.array(tensor, { maxLength: 5 });
const lengths = fc
  .uniqueArray(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 6 })
  .map((values) => values.sort((a, b) => a - b));
const limits = fc.record({
  size: fc.integer({ min: 1, max: 64 }),
  lengths: fc.option(lengths, { nil: undefined }),
  maxTokens: fc.option(fc.integer({ min: 1, max: 4000 }), { nil: undefined }),
});

describe('buckets', () => {
  test('hold as many rows as size and token budget allow, and one at the least', () => {
    fc.assert(
      fc.property(limits, ({ size, lengths: wanted, maxTokens }) => {
        const buckets = planBuckets({ size, lengths: wanted, maxTokens });
        expect(buckets.map(({ length }) => length)).toEqual(wanted ?? [1]);
        for (const { length, capacity } of buckets) {
          expect(capacity).toBeGreaterThanOrEqual(1);
          expect(capacity).toBeLessThanOrEqual(size);
          if (maxTokens === undefined) expect(capacity).toBe(size);
          else if (capacity > 1) expect(capacity * length).toBeLessThanOrEqual(maxTokens);
          // One row more would be over the one or the other.
          const budget = maxTokens ?? Number.POSITIVE_INFINITY;
          expect(capacity === size || (capacity + 1) * length > budget).toBe(true);
        }
      }),
    );
  });

  test('take a row into the shortest that holds it', () => {
    fc.assert(
      fc.property(lengths, fc.integer({ min: 0, max: 250 }), (wanted, length) => {
        const buckets = planBuckets({ size: 4, lengths: wanted, maxTokens: undefined });
        const bucket = bucketFor(length, buckets);
        expect(bucket).toBe(wanted.findIndex((limit) => length <= limit));
        if (bucket < 0) expect(length).toBeGreaterThan(wanted.at(-1) as number);
      }),
    );
  });

  test('run with the next preferred size, or as they are where none is large enough', () => {
    expect([1, 4, 5, 8, 9, 17].map((rows) => sizeToRun(rows, [4, 8, 16]))).toEqual([4, 4, 8, 8, 16, 17]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 250 }), lengths, (rows, preferred) => {
        const size = sizeToRun(rows, preferred);
        expect(size).toBeGreaterThanOrEqual(rows);
        if (size === rows)
          expect(preferred.includes(rows) || preferred.every((other) => other < rows)).toBe(true);
        else expect(preferred.filter((other) => other >= rows && other < size)).toEqual([]);
      }),
    );
  });
});

describe('the layout of a slot', () => {
  test('gives every tensor a region of its own, aligned to 64 bytes, large enough in every bucket', () => {
    fc.assert(
      fc.property(limits, tensors, tensors, (batch, inputs, outputs) => {
        const buckets = planBuckets(batch);
        const layout = planSlotLayout(buckets, inputs, outputs);
        let end = 0;
        for (const region of [...layout.inputs, ...layout.outputs]) {
          expect(region.byteOffset % 64).toBe(0);
          expect(region.byteOffset).toBeGreaterThanOrEqual(end);
          end = region.byteOffset + region.byteLength;
          for (const bucket of buckets) {
            const bytes = bucket.capacity * rowElements(region, bucket) * bytesOf(region.dtype);
            expect(bytes).toBeLessThanOrEqual(region.byteLength);
            expect(sizeOf(batchDims(region, bucket.capacity, bucket)) * bytesOf(region.dtype)).toBe(bytes);
          }
        }
        expect(layout.slotBytes).toBeGreaterThanOrEqual(end);
        expect(layout.slotBytes % 64).toBe(0);
      }),
    );
  });

  test('keeps what is written to one tensor of one slot out of all others', () => {
    fc.assert(
      fc.property(limits, fc.array(tensor, { minLength: 1, maxLength: 3 }), (batch, inputs) => {
        const layout = planSlotLayout(planBuckets(batch), inputs, []);
        const config = { slots: 3, lanes: 1, splits: 1, maxDelayMicros: 0, fixedOrder: false };
        const ring = new Ring(createRingMemory(layout, config), 1);
        const region = layout.inputs.at(-1);
        if (region === undefined) throw new Error('no region');
        const bytes = (slot: number): Uint8Array =>
          new Uint8Array(ring.memory.arena, slot * layout.slotBytes + region.byteOffset, region.byteLength);
        bytes(1).fill(255);
        const all = new Uint8Array(ring.memory.arena);
        expect(all.reduce((sum, byte) => sum + (byte === 255 ? 1 : 0), 0)).toBe(region.byteLength);
        expect(ring.regionView(1, region).byteLength).toBe(region.byteLength);
      }),
      { numRuns: 30 },
    );
  });

  test('that does not fit into its limit is refused with the sum, and with what would fit', () => {
    const layout = planSlotLayout(
      [{ length: 1, capacity: 64 }],
      [{ name: 'x', dtype: 'float32', rowDims: [4096] }],
      [],
    );
    expect(() => checkArena(layout, 8, 8 * 2 ** 20)).not.toThrow();
    const refusal = (slots: number, maxBytes: number): string => {
      try {
        checkArena(layout, slots, maxBytes);
      } catch (error) {
        if (error instanceof UsageError) return error.explain();
      }
      throw new Error('not refused');
    };
    expect(refusal(8, 5 * 2 ** 20)).toBe(
      'the ring needs 8 slots × 1.0 MiB (64 rows each) = 8.0 MiB, more than its limit of 5.0 MiB\n' +
        '  Lower ring.slots to 5 or batch.size, or raise ring.maxBytes.',
    );
    expect(refusal(8, 2 ** 20)).toContain('two slots at the least must fit');
    expect(refusal(8, 2 * 2 ** 20), 'two that just fit').toContain('Lower ring.slots to 2');
    expect(refusal(8, 2 * 2 ** 20 - 1)).toContain('two slots at the least must fit');
    const buckets = [16, 64, 32].map((capacity, i) => ({ length: i + 1, capacity }));
    const several = planSlotLayout(buckets, [{ name: 'x', dtype: 'float32', rowDims: [4096] }], []);
    expect(() => checkArena(several, 8, 2 ** 20)).toThrow('(64 rows each)');
  });
});

test('no two words of the control page lie in the same place, all lie in it, and little of it is empty', () => {
  const shape = fc.record({
    slots: fc.integer({ min: 1, max: 5 }),
    maxRows: fc.integer({ min: 1, max: 9 }),
    openSlots: fc.integer({ min: 1, max: 40 }),
    splits: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(shape, ({ slots, maxRows, openSlots, splits }) => {
      const map = new ControlMap({ slots, maxRows, openSlots, splits });
      const words: number[] = [];
      const add = (from: number, count: number): void => {
        for (let i = 0; i < count; i++) words.push(from + i);
      };
      add(0, Header.words);
      for (let place = 0; place < openSlots; place++) add(map.open(place), 1);
      for (let slot = 0; slot < slots; slot++) {
        add(map.slot(slot), SlotWord.words);
        for (let run = 0; run < maxRows; run++) add(map.run(slot, run), RunWord.words);
        // A float64 stands in it.
        expect(map.slot(slot) % 2).toBe(0);
      }
      for (let split = 0; split < splits; split++) add(map.split(split), SplitWord.words);
      expect(new Set(words).size).toBe(words.length);
      expect(Math.max(...words)).toBeLessThan(map.totalWords);
      // Each part begins in a cache line of its own.
      expect(map.totalWords - words.length).toBeLessThan(16 * (1 + slots));
    }),
  );
});
