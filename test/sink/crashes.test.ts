import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { writeDeadLetters } from '../../src/sink/dead-letters.js';
import type { Head } from '../../src/sink/output-content.js';
import { OutputDirectory } from '../../src/sink/output-directory.js';
import type { OutputShare, Part } from '../../src/sink/types.js';
import { openOutput } from '../../src/storage/output.js';
import type { OutputFile, OutputStore } from '../../src/storage/output-types.js';
import { contentOf, type Place, placeOf } from '../helpers/outputs.js';

/** Its process was killed: whatever it does from then on does not happen. */
class Killed extends Error {}

/** A store whose process is killed with its n-th change: right before that, or right after. */
class DoomedStore implements OutputStore {
  readonly uri: string;
  readonly #store: OutputStore;
  readonly #after: boolean;
  #left: number;

  constructor(store: OutputStore, left: number, after: boolean) {
    this.uri = store.uri;
    this.#store = store;
    this.#left = left;
    this.#after = after;
  }

  get killed(): boolean {
    return this.#left <= 0;
  }

  #look<T>(look: () => Promise<T>): Promise<T> {
    return this.killed ? Promise.reject(new Killed()) : look();
  }

  async #change<T>(change: () => Promise<T>): Promise<T> {
    if (this.killed) throw new Killed();
    if (--this.#left > 0) return change();
    if (this.#after) await change();
    throw new Killed();
  }

  prepare = (): Promise<void> => this.#change(() => this.#store.prepare());
  list = (folder: string): Promise<OutputFile[]> => this.#look(() => this.#store.list(folder));
  stat = (name: string): Promise<OutputFile | undefined> => this.#look(() => this.#store.stat(name));
  read = (name: string): Promise<Uint8Array | undefined> => this.#look(() => this.#store.read(name));
  clock = (): Promise<number> => this.#look(() => this.#store.clock());
  settle = (): Promise<void> => this.#look(() => this.#store.settle());
  write = (name: string, bytes: Uint8Array): Promise<void> =>
    this.#change(() => this.#store.write(name, bytes));
  create = (name: string, bytes: Uint8Array): Promise<boolean> =>
    this.#change(() => this.#store.create(name, bytes));
  remove = (name: string): Promise<void> => this.#change(() => this.#store.remove(name));
}

const SPLITS = 3;
const OLD: Head = { job: 'old', fingerprint: 'old', splits: SPLITS };
const NEW: Head = { job: 'new', fingerprint: 'new', splits: SPLITS };

/** A run, as a job does it, but for the rows: of all splits, or of a shard. */
async function run(store: OutputStore, head: Head, overwrite: boolean, share?: OutputShare): Promise<void> {
  const directory = await OutputDirectory.claim(store, head, overwrite, share);
  try {
    for (let ordinal = 0; ordinal < SPLITS; ordinal++) {
      if (directory.committed.has(ordinal) || share?.ordinals.has(ordinal) === false) continue;
      const bytes = Buffer.from(`rows of ${ordinal}, ${head.job}`);
      const file = `part-0000${ordinal}.arrow`;
      const letter = { file: 'f', split: ordinal, row: 1, column: null, reason: head.job, values: {} };
      await writeDeadLetters(store, { ordinal, letters: ordinal === 1 ? [letter] : [] });
      await store.write(file, bytes);
      const part: Part = { ordinal, file, rows: 10, bytes: bytes.length };
      await directory.record(ordinal === 1 ? { ...part, deadLettered: 1 } : part);
    }
    await directory.succeed();
  } finally {
    await directory.release();
  }
}

const SHARES: readonly OutputShare[] = [
  { index: 0, count: 2, ordinals: new Set([0]) },
  { index: 1, count: 2, ordinals: new Set([1, 2]) },
];

const deadPid = spawnSync(process.execPath, ['-e', '']).pid;

/** The process that holds the lease is this one, which lives on: but the run that it stands for is dead. */
async function bury({ store }: Place): Promise<void> {
  for (const { name } of await store.list('_manifest')) {
    if (!name.startsWith('lease-')) continue;
    const text = Buffer.from((await store.read(`_manifest/${name}`)) ?? '').toString();
    await store.write(
      `_manifest/${name}`,
      Buffer.from(text.replace(`"pid":${process.pid}`, `"pid":${deadPid}`)),
    );
  }
}

/** All but the leases, whose numbers tell how many runs there were. */
async function outputOf(place: Place): Promise<Record<string, string>> {
  const content = await contentOf(place);
  return Object.fromEntries(Object.entries(content).filter(([name]) => !name.startsWith('_manifest/lease-')));
}

/** Where the marker stands, there are all parts of the job whose output it is, as their entries say. */
function expectHonest(content: Record<string, string>): void {
  if (!('_SUCCESS' in content)) return;
  const { job } = JSON.parse(content['_manifest/job.json'] ?? '');
  for (let ordinal = 0; ordinal < SPLITS; ordinal++) {
    expect(content[`part-0000${ordinal}.arrow`]).toBe(`rows of ${ordinal}, ${job}`);
    expect(content).toHaveProperty([`_manifest/part-0000${ordinal}.json`]);
  }
}

const places = ['a local directory', 'an object server'] as const;
const moments = places.flatMap((kind) => [true, false].map((after) => ({ kind, after })));

describe.each(moments)(
  'in $kind a run that is killed with any of its changes, after it: $after',
  ({ kind, after }) => {
    async function undisturbed(...heads: Head[]): Promise<Record<string, string>> {
      const place = await placeOf(kind);
      for (const head of heads) await run(await openOutput(place.location), head, head === NEW);
      return outputOf(place);
    }

    /** Kills a run with each of its changes in turn, until it gets through. Returns how many there were. */
    async function killEach(
      before: (place: Place) => Promise<void>,
      doomed: (store: OutputStore) => Promise<void>,
      check: (place: Place) => Promise<void>,
    ): Promise<number> {
      for (let change = 1; ; change++) {
        const place = await placeOf(kind);
        await before(place);
        const store = new DoomedStore(await openOutput(place.location), change, after);
        await doomed(store).catch((error) => {
          if (!store.killed) throw error;
        });
        if (!store.killed) return change - 1;
        await bury(place);
        expectHonest(await outputOf(place));
        await check(place);
      }
    }

    test('is gone on with, and leaves what an undisturbed one does', async () => {
      const expected = await undisturbed(OLD);
      const kills = await killEach(
        async () => {},
        (store) => run(store, OLD, false),
        async (place) => {
          await run(await openOutput(place.location), OLD, false);
          expect(await outputOf(place)).toEqual(expected);
        },
      );
      expect(kills).toBeGreaterThanOrEqual(12);
    });

    test('while it replaces another job is gone on with, or its victim is', async () => {
      const [replaced, kept] = [await undisturbed(OLD, NEW), await undisturbed(OLD)];
      const kills = await killEach(
        async (place) => run(await openOutput(place.location), OLD, false),
        (store) => run(store, NEW, true),
        async (place) => {
          // Before the head is written, it is still the other's.
          const { fingerprint } = JSON.parse((await outputOf(place))['_manifest/job.json'] ?? '');
          if (fingerprint === 'old') {
            await run(await openOutput(place.location), OLD, false);
            expect(await outputOf(place)).toEqual(kept);
          }
          await run(await openOutput(place.location), NEW, fingerprint === 'old');
          expect(await outputOf(place)).toEqual(replaced);
        },
      );
      expect(kills).toBeGreaterThanOrEqual(20);
    });

    test('of one shard, while another is at work, is gone on with, and harms neither', async () => {
      const expected = await undisturbed(OLD);
      const [first, second] = SHARES as [OutputShare, OutputShare];
      const beside: OutputDirectory[] = [];
      const kills = await killEach(
        async (place) => {
          beside.push(await OutputDirectory.claim(await openOutput(place.location), OLD, false, first));
        },
        (store) => run(store, OLD, false, second),
        async (place) => {
          await beside.at(-1)?.release();
          expect(await outputOf(place)).not.toHaveProperty('_SUCCESS');
          await run(await openOutput(place.location), OLD, false, first);
          await run(await openOutput(place.location), OLD, false, second);
          expect(await outputOf(place)).toEqual(expected);
        },
      );
      await beside.at(-1)?.release();
      expect(kills).toBeGreaterThanOrEqual(8);
    });

    test('of one shard, the last, is gone on with by a whole run, and that by shards', async () => {
      const expected = await undisturbed(OLD);
      const [first, second] = SHARES as [OutputShare, OutputShare];
      let moment = 0;
      await killEach(
        async (place) => run(await openOutput(place.location), OLD, false, first),
        (store) => run(store, OLD, false, second),
        async (place) => {
          const whole = new DoomedStore(await openOutput(place.location), 2 + (moment++ % 8), after);
          await run(whole, OLD, false).catch((error) => {
            if (!whole.killed) throw error;
          });
          await bury(place);
          expectHonest(await outputOf(place));
          for (const share of SHARES) await run(await openOutput(place.location), OLD, false, share);
          expect(await outputOf(place)).toEqual(expected);
        },
      );
    });

    test('again and again comes to its end', async () => {
      const expected = await undisturbed(OLD);
      const place = await placeOf(kind);
      let runs = 0;
      // Time enough for one part each, and to clear away what the one before has left.
      for (let done = false; !done && runs < 20; runs++) {
        const store = new DoomedStore(await openOutput(place.location), after ? 8 : 9, after);
        done = await run(store, OLD, false).then(
          () => true,
          () => !store.killed,
        );
        await bury(place);
      }
      expect(await outputOf(place)).toEqual(expected);
      expect(runs).toBeGreaterThan(1);
    });
  },
);

test('two that are at work at the same time are one: the other is refused, whenever it begins', async () => {
  const place = await placeOf('an object server');
  const tries = await Promise.allSettled(
    Array.from({ length: 6 }, async () => run(await openOutput(place.location), OLD, false)),
  );
  expect(tries.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1);
  for (const outcome of tries) {
    if (outcome.status === 'rejected') expect(String(outcome.reason)).toContain('is in use by another run');
  }
  expectHonest(await outputOf(place));
  expect(await outputOf(place)).toHaveProperty('_SUCCESS');
});
