// How fast do columns of each type become tensors of each type, against memcpy and against a loop written by hand?
import * as arrow from 'apache-arrow';
import { Bench } from 'tinybench';
import { Collator } from '../dist/produce/collate.js';
import { converter, refusal } from '../dist/produce/convert.js';
import { planSlotLayout } from '../dist/ring/layout.js';
import { createRingMemory, laneOwner, Ring } from '../dist/ring/ring.js';
import { arrayOf, bytesOf, DTYPES } from '../dist/util/dtype.js';
import { median, ratios } from './support/stats.mjs';

/*
 * A record batch of 4096 rows of 256 elements goes, 64 rows at a time, into eight slots in turn. What it is compared
 * with moves chunks of the same size between buffers of the same sizes, in turn too. All of it runs in one process, so
 * code that all types share has seen all types.
 */
const WIDTH = 256;
const ROWS = 4096;
const CHUNK_ROWS = 64;
const CHUNK = CHUNK_ROWS * WIDTH;
const CHUNKS = ROWS / CHUNK_ROWS;
const SLOTS = 8;
const ELEMENTS = ROWS * WIDTH;
const FACTOR = 1 / 255;

const ARROW_TYPES = {
  float32: new arrow.Float32(),
  float64: new arrow.Float64(),
  float16: new arrow.Float16(),
  int8: new arrow.Int8(),
  uint8: new arrow.Uint8(),
  int16: new arrow.Int16(),
  uint16: new arrow.Uint16(),
  int32: new arrow.Int32(),
  uint32: new arrow.Uint32(),
  int64: new arrow.Int64(),
  uint64: new arrow.Uint64(),
  bool: new arrow.Bool(),
};

/** Values that every type holds: of bool where the source or the target is. */
function valuesOf(dtype, target = dtype) {
  const Values = arrayOf(dtype);
  const big = dtype.endsWith('64') && !dtype.startsWith('float');
  const most = dtype === 'bool' || target === 'bool' ? 2 : 101;
  return Values.from({ length: ELEMENTS }, (_, i) => (big ? BigInt(i % most) : i % most));
}

function recordBatch(dtype) {
  const type = ARROW_TYPES[dtype];
  // Booleans are bits.
  const data = dtype === 'bool' ? new Uint8Array(ELEMENTS / 8).fill(0b01100101) : valuesOf(dtype);
  const child = arrow.makeData({ type, length: ELEMENTS, nullCount: 0, data });
  const list = new arrow.FixedSizeList(WIDTH, new arrow.Field('item', type, false));
  const column = arrow.makeData({ type: list, length: ROWS, nullCount: 0, child });
  const schema = new arrow.Schema([new arrow.Field('x', list, false)]);
  const struct = new arrow.Struct(schema.fields);
  return new arrow.RecordBatch(
    schema,
    arrow.makeData({ type: struct, length: ROWS, nullCount: 0, children: [column] }),
  );
}

/** The whole record batch through the collator, as a producer does it. */
function collating(source, target, factor) {
  const layout = planSlotLayout(
    [{ length: 1, capacity: CHUNK_ROWS }],
    [{ name: 'x', dtype: target, rowDims: [WIDTH] }],
    [],
  );
  const config = {
    slots: SLOTS,
    lanes: 1,
    splits: 1,
    maxDelayMicros: Number.POSITIVE_INFINITY,
    fixedOrder: false,
  };
  const ring = new Ring(createRingMemory(layout, config), laneOwner(0));
  const input = { tensor: 0, from: 'values', column: 'x', source, factor, term: 0, pad: 0 };
  const collator = new Collator(ring, [input]);
  const batch = recordBatch(source);
  const claim = { slot: 0, bucket: 0, first: 0, count: CHUNK_ROWS, run: 0 };
  return () => {
    collator.begin(batch);
    for (let chunk = 0; chunk < CHUNKS; chunk++) {
      claim.slot = chunk % SLOTS;
      collator.write(claim, chunk * CHUNK_ROWS);
    }
  };
}

/** The loop alone, between the same kinds of memory. */
function converting(source, target, affine) {
  const convert = converter(source, target, affine);
  const values = valuesOf(source, target);
  const targets = slots(target, SharedArrayBuffer);
  const factor = affine ? FACTOR : 1;
  return () => {
    for (let chunk = 0; chunk < CHUNKS; chunk++) {
      const misfit = convert(values, chunk * CHUNK, targets[chunk % SLOTS], 0, CHUNK, factor, 0);
      if (misfit >= 0) throw new Error(`${source} → ${target}: element ${misfit} does not fit`);
    }
  };
}

/** TypedArray.set between private buffers; the views are made beforehand. */
function copying(dtype) {
  const values = valuesOf(dtype);
  const sources = Array.from({ length: CHUNKS }, (_, i) => values.subarray(i * CHUNK, (i + 1) * CHUNK));
  const targets = slots(dtype, ArrayBuffer);
  return () => {
    for (let chunk = 0; chunk < CHUNKS; chunk++) targets[chunk % SLOTS].set(sources[chunk]);
  };
}

/** What one would write by hand for uint8 → float32 with a scale; it sees these two types only. */
function byHand() {
  const values = valuesOf('uint8');
  const targets = slots('float32', SharedArrayBuffer);
  const loop = (source, from, target, to, count, factor, term) => {
    for (let i = 0; i < count; i++) target[to + i] = source[from + i] * factor + term;
  };
  return () => {
    for (let chunk = 0; chunk < CHUNKS; chunk++) {
      loop(values, chunk * CHUNK, targets[chunk % SLOTS], 0, CHUNK, FACTOR, 0);
    }
  };
}

function slots(dtype, Memory) {
  const bytes = CHUNK * bytesOf(dtype);
  const memory = new Memory(SLOTS * bytes);
  const Values = arrayOf(dtype);
  return Array.from({ length: SLOTS }, (_, slot) => new Values(memory, slot * bytes, CHUNK));
}

/** Elements a second of each piece of work, in several repeats by turns; in each, the median of its passes. */
async function speeds(works, repeats, time, iterations = 8) {
  const results = Object.fromEntries(Object.keys(works).map((name) => [name, []]));
  for (let repeat = 0; repeat < repeats; repeat++) {
    const warm = { warmup: repeat === 0, warmupTime: time, warmupIterations: iterations };
    const bench = new Bench({ time, iterations, ...warm, throws: true });
    for (const [name, work] of Object.entries(works)) bench.add(name, work);
    await bench.run();
    for (const { name, result } of bench.tasks) results[name].push((ELEMENTS / result.latency.p50) * 1000);
  }
  return results;
}

const gigabytes = (dtype, rates) => rates.map((rate) => (rate * bytesOf(dtype)) / 1e9);

async function sameType(dtype) {
  const { collate, copy } = await speeds(
    { collate: collating(dtype, dtype, 1), copy: copying(dtype) },
    7,
    40,
  );
  return [
    {
      what: `${dtype} → ${dtype} into the slot ÷ memcpy`,
      bar: { least: 0.6 },
      unit: '×',
      values: ratios(collate, copy),
    },
    {
      what: `  ${dtype} → ${dtype} into the slot`,
      unit: 'GB/s',
      values: gigabytes(dtype, collate),
      detail: true,
    },
    { what: `  memcpy of ${dtype}`, unit: 'GB/s', values: gigabytes(dtype, copy), detail: true },
  ];
}

async function scaled(when) {
  const works = { collate: collating('uint8', 'float32', FACTOR), loop: byHand() };
  const { collate, loop } = await speeds(works, 7, 40);
  return [
    {
      what: `uint8 → float32 with scale ÷ a loop by hand, ${when}`,
      bar: { least: 0.4 },
      unit: '×',
      values: ratios(collate, loop),
    },
    { what: `  uint8 → float32 with scale, ${when}`, unit: 'elements/s', values: collate },
    { what: `  a loop by hand, ${when}`, unit: 'elements/s', values: loop },
  ];
}

/** All pairs that there are, plain and with a scale; briefly, since there are many and some make BigInts. */
async function everyPair() {
  const rows = [];
  for (const affine of [false, true]) {
    for (const source of DTYPES) {
      for (const target of DTYPES) {
        if ((source === target && !affine) || refusal(source, target, affine)) continue;
        const { work } = await speeds({ work: converting(source, target, affine) }, 2, 5, 2);
        const what = `${source} → ${target}${affine ? ' with scale' : ''}`;
        rows.push({ what, unit: 'elements/s', values: work, detail: true });
      }
    }
  }
  return rows;
}

async function bits() {
  const { collate } = await speeds({ collate: collating('bool', 'bool', 1) }, 5, 40);
  return { what: 'bool → bool into the slot (a bit becomes a byte)', unit: 'elements/s', values: collate };
}

export async function measure() {
  const alone = await scaled('before all other pairs');
  const same = [];
  for (const dtype of DTYPES) if (dtype !== 'bool') same.push(...(await sameType(dtype)));
  const pairs = await everyPair();
  const sorted = pairs.toSorted((a, b) => median(a.values) - median(b.values));
  const pick = (said, { what, values }) => ({
    what: `the ${said} of ${pairs.length} other pairs: ${what}`,
    unit: 'elements/s',
    values,
  });
  return [
    ...same,
    ...alone,
    ...(await scaled('after them')),
    await bits(),
    pick('slowest', sorted[0]),
    pick('middle', sorted[Math.floor(sorted.length / 2)]),
    pick('fastest', sorted.at(-1)),
    ...pairs,
  ];
}
