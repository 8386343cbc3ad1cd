import { describe, expect, it } from 'vitest';
import { DataError } from '../../src/util/errors.js';
import { openSample, sample } from '../dataset/parquet-samples.js';
import { random } from '../helpers/random.js';

const FILES = [
  'all-v2.parquet',
  'plain-v1.parquet',
  'encodings-v2.parquet',
  'codec-snappy.parquet',
  'codec-gzip.parquet',
  'codec-brotli.parquet',
  'codec-lz4.parquet',
  'codec-zstd.parquet',
  'duckdb-v2.parquet',
  'duckdb-lz4_raw.parquet',
  'old.parquet',
];
/** Wall time in which one case must end, whatever else the machine does. */
const CASE_MS = 5000;
// `npm run fuzz` says how long; 6 seconds otherwise.
const { PENSTOCK_FUZZ_MINUTES = '0', PENSTOCK_FUZZ_SEED } = process.env;
const BUDGET_MS = (Number(PENSTOCK_FUZZ_MINUTES) || 0.1) * 60_000;

type Next = () => number;
const whole = (next: Next, limit: number): number => Math.floor(next() * limit);

/** Half of the changes are made where lengths and types are: in the footer, which is at the end. */
function place(next: Next, bytes: Uint8Array): number {
  const footer = new DataView(bytes.buffer).getUint32(bytes.length - 8, true) + 8;
  return next() < 0.5 ? bytes.length - 1 - whole(next, footer) : whole(next, bytes.length);
}

const MUTATIONS: readonly ((bytes: Uint8Array<ArrayBuffer>, next: Next) => Uint8Array)[] = [
  (bytes, next) => {
    for (let n = 1 + whole(next, 4); n > 0; n--) {
      const at = place(next, bytes);
      bytes[at] = (bytes[at] as number) ^ (1 << whole(next, 8));
    }
    return bytes;
  },
  (bytes, next) => {
    bytes[place(next, bytes)] = [0, 1, 127, 128, 255][whole(next, 5)] as number;
    return bytes;
  },
  (bytes, next) => {
    const at = place(next, bytes);
    bytes.fill(whole(next, 256), at, at + whole(next, 40));
    return bytes;
  },
  (bytes, next) => {
    // A varint of two gigabytes or so, or a negative one.
    bytes.set(
      [0xff, 0xff, 0xff, 0xff, whole(next, 16)].slice(whole(next, 3)),
      Math.min(place(next, bytes), bytes.length - 5),
    );
    return bytes;
  },
  (bytes, next) => {
    const [from, to] = [whole(next, bytes.length), whole(next, bytes.length)];
    bytes.copyWithin(to, from, from + whole(next, 200));
    return bytes;
  },
  (bytes, next) => bytes.slice(0, whole(next, bytes.length)),
  (bytes, next) => {
    const at = place(next, bytes);
    return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1 + whole(next, 9))]);
  },
];

async function readAll(bytes: Uint8Array): Promise<'ok' | DataError> {
  try {
    const file = await openSample(bytes);
    for await (const raw of file.batches({ first: 0, count: file.units.length })) raw.decode();
    return 'ok';
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
}

// The corpus has what can be done to any file; here half of it is done to footers, and every truncation is tried.
describe('damaged Parquet files', () => {
  it(
    'are read, or refused with an error that names the file, in bounded time',
    async () => {
      const seed = Number(PENSTOCK_FUZZ_SEED ?? Date.now() % 1e9);
      const next = random(seed);
      const samples = FILES.map((name) => ({ name, bytes: sample(name) }));
      const outcomes = { ok: 0, refused: 0 };
      const until = performance.now() + BUDGET_MS;
      for (let i = 0; performance.now() < until; i++) {
        const { name, bytes } = samples[i % samples.length] as (typeof samples)[number];
        const kind = whole(next, MUTATIONS.length);
        const mutated = MUTATIONS[kind]?.(bytes.slice(), next) as Uint8Array;
        const said = `seed ${seed}, case ${i}: ${name}, mutation ${kind}`;
        const startedAt = performance.now();
        const outcome = await readAll(mutated).catch((error) => {
          throw new Error(`${said}: ${error}`, { cause: error });
        });
        expect(performance.now() - startedAt, said).toBeLessThan(CASE_MS);
        if (outcome === 'ok') outcomes.ok++;
        else {
          outcomes.refused++;
          expect(outcome.message, said).toMatch(/^memory\.parquet: /);
        }
      }
      console.log(`seed ${seed}: ${JSON.stringify(outcomes)}, ${process.memoryUsage().rss >> 20} MiB`);
      expect(outcomes.refused).toBeGreaterThan(outcomes.ok / 10);
    },
    BUDGET_MS + 60_000,
  );

  it('are refused where they are cut off, wherever that is', async () => {
    const bytes = sample('codec-snappy.parquet');
    for (let length = 0; length < bytes.length; length++) {
      const outcome = await readAll(bytes.slice(0, length));
      expect(outcome, `${length} bytes`).toBeInstanceOf(DataError);
    }
  });
});
