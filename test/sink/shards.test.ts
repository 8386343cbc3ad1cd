import { describe, expect, onTestFinished, test } from 'vitest';
import { writeDeadLetters } from '../../src/sink/dead-letters.js';
import type { Head } from '../../src/sink/output-content.js';
import { OutputDirectory } from '../../src/sink/output-directory.js';
import type { OutputShare, Part } from '../../src/sink/types.js';
import { openOutput } from '../../src/storage/output.js';
import type { OutputFile, OutputStore } from '../../src/storage/output-types.js';
import { UsageError } from '../../src/util/errors.js';
import { afterwards, contentOf, type Place, placeOf } from '../helpers/outputs.js';

const HEAD: Head = { job: 'digits', fingerprint: 'abc', splits: 6 };
const PLACES = ['a local directory', 'an object server'] as const;

/** Six splits in three shards of two. */
const shareOf = (index: number): OutputShare => ({
  index,
  count: 3,
  ordinals: new Set([2 * index, 2 * index + 1]),
});
const EMPTY: OutputShare = { index: 2, count: 9, ordinals: new Set() };

async function claim(place: Place, share?: OutputShare, head = HEAD): Promise<OutputDirectory> {
  const directory = await OutputDirectory.claim(await openOutput(place.location), head, false, share);
  afterwards(() => directory.release());
  return directory;
}

async function write(store: OutputStore, directory: OutputDirectory, ordinal: number): Promise<void> {
  const bytes = Buffer.from(`rows of ${ordinal}`);
  const file = `part-0000${ordinal}.arrow`;
  const part: Part = { ordinal, file, rows: 10, bytes: bytes.length };
  await store.write(file, bytes);
  await directory.record(part);
}

/** A shard's run from its beginning to its end. */
async function run(place: Place, share: OutputShare): Promise<void> {
  const directory = await OutputDirectory.claim(await openOutput(place.location), HEAD, false, share);
  for (const ordinal of share.ordinals) {
    if (!directory.committed.has(ordinal)) await write(place.store, directory, ordinal);
  }
  await directory.succeed();
  await directory.release();
}

/** All there is, but for leases. */
async function names(place: Place): Promise<string[]> {
  return Object.keys(await contentOf(place))
    .filter((name) => !name.startsWith('_manifest/lease-'))
    .sort();
}

const entriesOf = (...ordinals: number[]): string[] =>
  ordinals.map((ordinal) => `_manifest/part-0000${ordinal}.json`);
const partsOf = (...ordinals: number[]): string[] => ordinals.map((ordinal) => `part-0000${ordinal}.arrow`);
const ALL = ['_SUCCESS', '_manifest/job.json', ...entriesOf(0, 1, 2, 3, 4, 5), ...partsOf(0, 1, 2, 3, 4, 5)];
const TEMPORARY = '.123-0123abcd.tmp';

describe.each(PLACES)('shards that write to %s', (kind) => {
  test('one after another, in any order, leave what a whole run does; the last sets the marker', async () => {
    const place = await placeOf(kind);
    for (const index of [2, 0]) {
      await run(place, shareOf(index));
      expect(await names(place)).not.toContain('_SUCCESS');
    }
    await run(place, shareOf(1));
    expect(await names(place)).toEqual(ALL);
    expect(JSON.parse((await contentOf(place))['_manifest/job.json'] ?? '')).toEqual(HEAD);
    // Again, there is nothing to do, and the marker stays.
    await run(place, shareOf(0));
    expect(await names(place)).toEqual(ALL);
  });

  test('at the same time leave the same', async () => {
    for (let round = 0; round < 5; round++) {
      const place = await placeOf(kind);
      await Promise.all([0, 1, 2].map((index) => run(place, shareOf(index))));
      expect(await names(place)).toEqual(ALL);
    }
  });

  test('and end at the same moment set the marker', async () => {
    const place = await placeOf(kind);
    const directories = await Promise.all([0, 1, 2].map((index) => claim(place, shareOf(index))));
    for (const [index, directory] of directories.entries()) {
      for (const ordinal of shareOf(index).ordinals) await write(place.store, directory, ordinal);
    }
    await Promise.all(directories.map((directory) => directory.succeed()));
    expect(await names(place)).toEqual(ALL);
  });

  test('with no splits add nothing, and set the marker where it is their turn', async () => {
    const place = await placeOf(kind);
    await run(place, EMPTY);
    expect(await names(place)).toEqual(['_manifest/job.json']);
    for (const index of [0, 1, 2]) await run(place, shareOf(index));
    await place.store.remove('_SUCCESS');
    await run(place, EMPTY);
    expect(await names(place)).toEqual(ALL);
  });

  test('find what is committed of their own, whoever has committed it', async () => {
    const place = await placeOf(kind);
    const whole = await claim(place);
    for (const ordinal of [0, 2, 3]) await write(place.store, whole, ordinal);
    await whole.release();
    const [first, second, third] = await Promise.all([0, 1, 2].map((index) => claim(place, shareOf(index))));
    expect([...(first?.committed.keys() ?? [])]).toEqual([0]);
    expect([...(second?.committed.keys() ?? [])].sort()).toEqual([2, 3]);
    expect([...(third?.committed.keys() ?? [])]).toEqual([]);
    for (const directory of [first, second, third]) await directory?.release();
    expect([...(await claim(place)).committed.keys()].sort()).toEqual([0, 2, 3]);
  });

  test('clear away what is left of their own splits, and leave alone what others are at work on', async () => {
    const place = await placeOf(kind);
    await run(place, shareOf(1));
    const { store } = place;
    const letter = { file: 'f', split: 0, row: 1, column: null, reason: 'bad', values: {} };
    const own = [
      ...partsOf(0),
      'part-00001.parquet',
      `.part-00001.arrow${TEMPORARY}`,
      ...entriesOf(1),
      `_manifest/.part-00001.json${TEMPORARY}`,
      `_manifest/.lease-0of3-00001.json${TEMPORARY}`,
    ];
    const others = [
      ...partsOf(4),
      `.part-00004.arrow${TEMPORARY}`,
      ...entriesOf(5),
      `_manifest/.part-00005.json${TEMPORARY}`,
      `_manifest/.lease-2of3-00001.json${TEMPORARY}`,
      `_manifest/.lease-0of4-00001.json${TEMPORARY}`,
      `_manifest/.job.json${TEMPORARY}`,
      `.clock${TEMPORARY}`,
      `._SUCCESS${TEMPORARY}`,
      'notes.txt',
    ];
    for (const name of [...own, ...others]) await store.write(name, Buffer.from('left'));
    for (const ordinal of [0, 4]) await writeDeadLetters(store, { ordinal, letters: [letter] });
    await claim(place, shareOf(0));
    expect(await names(place)).toEqual(
      [
        ...others,
        '_dead_letters/part-00004.jsonl',
        '_manifest/job.json',
        ...entriesOf(2, 3),
        ...partsOf(2, 3),
      ].sort(),
    );
  });

  test('take the marker back where a part of their own is missing, and only there', async () => {
    const place = await placeOf(kind);
    for (const index of [0, 1, 2]) await run(place, shareOf(index));
    await place.store.remove('part-00003.arrow');
    await run(place, shareOf(0));
    expect(await names(place)).toContain('_SUCCESS');
    const directory = await claim(place, shareOf(1));
    expect(await names(place)).not.toContain('_SUCCESS');
    expect([...directory.committed.keys()]).toEqual([2]);
    await write(place.store, directory, 3);
    await directory.succeed();
    expect(await names(place)).toEqual(ALL);
  });

  test('set no marker where a part of another is not what its entry says', async () => {
    const place = await placeOf(kind);
    for (const index of [0, 1]) await run(place, shareOf(index));
    await place.store.write('part-00000.arrow', Buffer.from('cut'));
    await run(place, shareOf(2));
    expect(await names(place)).not.toContain('_SUCCESS');
    await run(place, shareOf(0));
    expect(await names(place)).toEqual(ALL);
  });

  test('of two jobs do not mix, though they begin at the same moment in a new place', async () => {
    for (let round = 0; round < 5; round++) {
      const place = await placeOf(kind);
      const heads = [HEAD, { ...HEAD, job: 'other', fingerprint: 'def' }];
      const tries = await Promise.allSettled(heads.map((head, index) => claim(place, shareOf(index), head)));
      const claimed = tries.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [heads[i]] : []));
      expect(claimed).toHaveLength(1);
      const head = JSON.parse((await contentOf(place))['_manifest/job.json'] ?? '');
      expect(head).toEqual(claimed[0]);
      for (const outcome of tries) {
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(UsageError);
      }
    }
  });

  test('are refused where another job has written, or somebody else', async () => {
    const place = await placeOf(kind);
    await run(place, shareOf(0));
    const other = { ...HEAD, fingerprint: 'def' };
    await expect(claim(place, shareOf(1), other)).rejects.toThrow(
      'holds the output of another job ("digits"',
    );
    const foreign = await placeOf(kind);
    await foreign.store.prepare();
    await foreign.store.write('notes.txt', Buffer.from('mine'));
    await expect(claim(foreign, shareOf(1))).rejects.toThrow('is not empty, and no job of Penstock');
  });
});

/** A store that lists the manifest, then all else a while later: `meanwhile` things happen. */
function slow(store: OutputStore, meanwhile: () => Promise<unknown>): OutputStore {
  let between: Promise<unknown> | undefined;
  const list = async (folder: string): Promise<OutputFile[]> => {
    if (folder === '') await between;
    const files = store.list(folder);
    if (folder === '_manifest') between ??= files.then(meanwhile);
    return files;
  };
  return new Proxy(store, {
    get: (_, key) => {
      if (key === 'list') return list;
      const member = Reflect.get(store, key);
      return typeof member === 'function' ? member.bind(store) : member;
    },
  });
}

describe('a shard that looks while another one writes', () => {
  test('takes the head and the parts that come between its looks for what they are', async () => {
    const place = await placeOf('a local directory');
    const store = slow(await openOutput(place.location), () => run(place, shareOf(0)));
    const directory = await OutputDirectory.claim(store, HEAD, false, shareOf(1));
    onTestFinished(() => directory.release());
    expect(await names(place)).toEqual(['_manifest/job.json', ...entriesOf(0, 1), ...partsOf(0, 1)]);
  });

  test('leaves the marker to the other, whose entry it did not see', async () => {
    const place = await placeOf('a local directory');
    await run(place, shareOf(0));
    const last = await claim(place, shareOf(2));
    await write(place.store, last, 4);
    const store = await openOutput(place.location);
    const directory = await OutputDirectory.claim(store, HEAD, false, shareOf(1));
    for (const ordinal of [2, 3]) await write(store, directory, ordinal);
    await directory.succeed();
    await directory.release();
    expect(await names(place)).not.toContain('_SUCCESS');
    await write(place.store, last, 5);
    await last.succeed();
    expect(await names(place)).toEqual(ALL);
  });
});
