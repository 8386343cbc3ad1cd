import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Head } from '../../src/sink/output-content.js';
import { OutputDirectory } from '../../src/sink/output-directory.js';
import { entryFile, leaseFile } from '../../src/sink/output-files.js';
import type { Part } from '../../src/sink/types.js';
import { openOutput } from '../../src/storage/output.js';
import { StorageError, UsageError } from '../../src/util/errors.js';
import { afterwards, contentOf, type Place, placeOf } from '../helpers/outputs.js';
import { workspace } from '../helpers/workspace.js';

const HEAD = { job: 'digits', fingerprint: 'abc', splits: 3 };
const PLACES = ['a local directory', 'an object server'] as const;

const bytes = (text: string): Uint8Array => Buffer.from(text);

async function claim(place: Place, head: Head = HEAD, overwrite = false): Promise<OutputDirectory> {
  const directory = await OutputDirectory.claim(await openOutput(place.location), head, overwrite);
  afterwards(() => directory.release());
  return directory;
}

const partOf = (ordinal: number): Part => ({
  ordinal,
  file: `part-0000${ordinal}.arrow`,
  rows: 10 + ordinal,
  bytes: 9,
});

/** Writes a part as the sink does, without its content, and enters it. */
async function write({ store }: Place, directory: OutputDirectory, ordinal: number): Promise<Part> {
  const part = partOf(ordinal);
  await store.write(part.file, bytes(`rows of ${ordinal}`));
  await directory.record(part);
  return part;
}

/** A run that wrote some parts and was let go of, with `_SUCCESS` where all are there. */
async function run(place: Place, ...ordinals: number[]): Promise<void> {
  const directory = await OutputDirectory.claim(await openOutput(place.location), HEAD, false);
  for (const ordinal of ordinals) await write(place, directory, ordinal);
  if (directory.committed.size + ordinals.length >= HEAD.splits) await directory.succeed();
  await directory.release();
}

const ordinals = ({ committed }: OutputDirectory): number[] => [...committed.keys()].sort();

/** All there is, but for leases, which have tests of their own. */
async function names(place: Place): Promise<string[]> {
  return Object.keys(await contentOf(place))
    .filter((name) => !name.startsWith('_manifest/lease-'))
    .sort();
}

const ALL = [
  '_SUCCESS',
  '_manifest/job.json',
  '_manifest/part-00000.json',
  '_manifest/part-00001.json',
  '_manifest/part-00002.json',
  'part-00000.arrow',
  'part-00001.arrow',
  'part-00002.arrow',
];

describe.each(PLACES)('in %s a run', (kind) => {
  test('that takes it finds nothing to resume, and keeps others out until it lets go', async () => {
    const place = await placeOf(kind);
    const directory = await claim(place);
    expect(ordinals(directory)).toEqual([]);
    expect(await names(place)).toEqual(['_manifest/job.json']);
    const refused = claim(place);
    await expect(refused).rejects.toBeInstanceOf(UsageError);
    await expect(refused).rejects.toThrow(
      `${place.location.uri}: is in use by another run (process ${process.pid} on `,
    );
    await expect(claim(place, HEAD, true)).rejects.toThrow('is in use by another run');
    await directory.release();
    expect(await names(place)).toEqual(['_manifest/job.json']);
    await claim(place);
  });

  test('enters its parts, with whose they are', async () => {
    const place = await placeOf(kind);
    const directory = await claim(place);
    await Promise.all([2, 0, 1].map((ordinal) => write(place, directory, ordinal)));
    const content = await contentOf(place);
    expect(JSON.parse(content['_manifest/job.json'] ?? '')).toEqual(HEAD);
    for (const ordinal of [0, 1, 2])
      expect(JSON.parse(content[entryFile(ordinal)] ?? '')).toEqual(partOf(ordinal));
  });

  test('sets the marker only once all entries are written', async () => {
    const place = await placeOf(kind);
    const directory = await claim(place, { ...HEAD, splits: 9 });
    for (let ordinal = 0; ordinal < 9; ordinal++) {
      await place.store.write(partOf(ordinal).file, bytes(`rows of ${ordinal}`));
    }
    for (let ordinal = 0; ordinal < 9; ordinal++) void directory.record(partOf(ordinal));
    await directory.succeed();
    const there = await names(place);
    expect(there.filter((name) => name.startsWith('_manifest/part'))).toHaveLength(9);
    expect(there).toContain('_SUCCESS');
  });

  test('that another has taken over from commits nothing more, and hears of it', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'hrtime'] });
    onTestFinished(() => void vi.useRealTimers());
    const place = await placeOf(kind);
    const directory = await claim(place);
    const lost: Error[] = [];
    directory.onLost((error) => lost.push(error));
    await write(place, directory, 0);
    const lease = (await place.store.read(leaseFile(1))) as Uint8Array;
    await place.store.write(leaseFile(2), lease);
    vi.clearAllTimers();
    vi.advanceTimersByTime(21_000);
    await expect(write(place, directory, 1)).rejects.toThrow('another run has taken over');
    await expect(directory.succeed()).rejects.toBe(lost[0]);
    await directory.release();
    expect(await names(place)).toEqual([
      '_manifest/job.json',
      '_manifest/part-00000.json',
      'part-00000.arrow',
      'part-00001.arrow',
    ]);
    // What is not its own any more it leaves as it is.
    expect(await place.store.read(leaseFile(1))).toEqual(lease);
  });

  test('sets no marker where a part was removed, or written over, meanwhile', async () => {
    for (const harm of ['removed', 'written over'] as const) {
      const place = await placeOf(kind);
      const directory = await claim(place);
      for (const ordinal of [0, 1, 2]) await write(place, directory, ordinal);
      if (harm === 'removed') await place.store.remove('part-00001.arrow');
      else await place.store.write('part-00001.arrow', bytes('else'));
      const failure = directory.succeed();
      await expect(failure).rejects.toBeInstanceOf(StorageError);
      await expect(failure).rejects.toThrow(
        `${place.location.uri}/part-00001.arrow: was removed, or written over, while the run was at work`,
      );
      expect(await names(place)).not.toContain('_SUCCESS');
    }
  });

  test('of the same job again finds what is committed', async () => {
    const place = await placeOf(kind);
    await run(place, 0, 2);
    const directory = await claim(place);
    expect(ordinals(directory)).toEqual([0, 2]);
    expect(directory.committed.get(2)).toEqual(partOf(2));
    await write(place, directory, 1);
    await directory.succeed();
    await directory.release();
    expect(await names(place)).toEqual(ALL);
    expect(ordinals(await claim(place))).toEqual([0, 1, 2]);
  });

  test('of a job that was done finds it done: marker and parts stay', async () => {
    const place = await placeOf(kind);
    await run(place, 0, 1, 2);
    expect(await names(place)).toEqual(ALL);
    const directory = await claim(place);
    expect(await names(place)).toEqual(ALL);
    await directory.succeed();
    await directory.release();
    expect(await names(place)).toEqual(ALL);
  });

  test('makes a part again that is gone, or of another size, or whose entry can not be read', async () => {
    const place = await placeOf(kind);
    await run(place, 0, 1, 2);
    await place.store.remove('part-00000.arrow');
    await place.store.write('part-00001.arrow', bytes('row'));
    await place.store.write('_manifest/part-00002.json', bytes('{"ordinal": 2, '));
    const directory = await claim(place);
    expect(ordinals(directory)).toEqual([]);
    // It is not done any more, and nothing of it is in anybody's way.
    expect(await names(place)).toEqual(['_manifest/job.json']);
  });

  test('is not done as long as a part is gone, however often others were made again', async () => {
    const place = await placeOf(kind);
    await run(place, 0, 1, 2);
    await place.store.remove('part-00000.arrow');
    await run(place, 0);
    expect(await names(place)).toContain('_SUCCESS');
    await place.store.remove('part-00001.arrow');
    const directory = await claim(place);
    expect(ordinals(directory)).toEqual([0, 2]);
    expect(await names(place)).not.toContain('_SUCCESS');
  });

  test('removes what a killed one left, and nothing of anybody else', async () => {
    const place = await placeOf(kind);
    await run(place, 0);
    const left = [
      'part-00001.arrow',
      '.part-00002.arrow.77-0a1b2c3d.tmp',
      '._SUCCESS.8-0a1b2c3d.tmp',
      '.clock.8-0a1b2c3d.tmp',
      '_SUCCESS',
      '_manifest/.part-00002.json.8-0a1b2c3d.tmp',
      '_dead_letters/part-00001.jsonl',
      '_dead_letters/.part-00001.jsonl.8-0a1b2c3d.tmp',
    ];
    const others = ['notes.txt', '.notes.8-0a1b2c3d.tmp', '_dead_letters/rows.jsonl', '_manifest/notes.json'];
    for (const name of [...left, ...others]) await place.store.write(name, bytes('left'));
    await claim(place);
    expect(await names(place)).toEqual(
      [...others, '_manifest/job.json', '_manifest/part-00000.json', 'part-00000.arrow'].sort(),
    );
  });

  test('that was killed before it had written whose the output is leaves it to the next', async () => {
    const place = await placeOf(kind);
    const first = await claim(place);
    await first.release();
    await place.store.remove('_manifest/job.json');
    await place.store.write('_manifest/.job.json.8-0a1b2c3d.tmp', bytes('{'));
    await claim(place, { ...HEAD, fingerprint: 'other' });
    expect(await names(place)).toEqual(['_manifest/job.json']);
  });

  test('of another job is refused, and leaves all as it is; or replaces it if asked to', async () => {
    const place = await placeOf(kind);
    await run(place, 0, 1, 2);
    await place.store.write('notes.txt', bytes('dear'));
    await place.store.write('_dead_letters/part-00001.jsonl', bytes('{}'));
    const before = await contentOf(place);
    const other = { job: 'letters', fingerprint: 'xyz', splits: 1 };
    const refused = claim(place, other);
    await expect(refused).rejects.toBeInstanceOf(UsageError);
    await expect(refused).rejects.toThrow(`${place.location.uri}: holds the output of another job ("digits"`);
    expect(await contentOf(place)).toEqual(before);
    expect(ordinals(await claim(place, other, true))).toEqual([]);
    expect(await names(place)).toEqual(['_manifest/job.json', 'notes.txt']);
    expect(JSON.parse((await contentOf(place))['_manifest/job.json'] ?? '')).toEqual(other);
  });

  test('is refused among files of somebody else, and leaves nothing there', async () => {
    for (const file of ['thesis.txt', 'part-00000.arrow', 'deeper/data.csv']) {
      const place = await placeOf(kind);
      await place.store.prepare();
      await place.store.write(file, bytes('dear'));
      const named = file.includes('/') ? 'deeper/' : file;
      await expect(claim(place)).rejects.toThrow(
        `is not empty, and no job of Penstock has written it (${named})`,
      );
      expect((await place.store.list('')).map(({ name }) => name)).toEqual([named]);
    }
  });

  test('is refused where the head is damaged, with what to do', async () => {
    const place = await placeOf(kind);
    await run(place, 0);
    await place.store.write('_manifest/job.json', bytes('nonsense\n'));
    const refused = claim(place);
    await expect(refused).rejects.toBeInstanceOf(UsageError);
    await expect(refused).rejects.toThrow(`${place.location.uri}/_manifest/job.json: is damaged`);
    await expect(refused).rejects.toMatchObject({ hint: expect.stringContaining('--overwrite') });
    await claim(place, HEAD, true);
  });
});

describe('in a local directory a run', () => {
  async function local(): Promise<{ at: ReturnType<typeof workspace>; place: Place }> {
    const at = workspace();
    const location = { uri: at('out'), options: {} };
    return { at, place: { location, store: await openOutput(location) } };
  }

  test('hears of an entry that could not be written, and sets no marker', async () => {
    const { at, place } = await local();
    const directory = await claim(place);
    rmSync(at('out'), { recursive: true });
    await expect(directory.record(partOf(0))).rejects.toBeInstanceOf(StorageError);
    await expect(directory.succeed()).rejects.toBeInstanceOf(StorageError);
    await directory.release();
  });

  test('says so where no directory can be made', async () => {
    const { at, place } = await local();
    mkdirSync(dirname(at('out')), { recursive: true });
    writeFileSync(at('out'), 'a file');
    await expect(claim(place)).rejects.toThrow(
      `${at('out')}: can't be read: it, or something above it, is a file`,
    );
  });

  test('finds what a crash of the machine may leave: a part of no bytes, an entry of none', async () => {
    const { at, place } = await local();
    await run(place, 0, 1);
    truncateSync(at('out', 'part-00000.arrow'), 0);
    truncateSync(at('out', '_manifest', 'part-00001.json'), 0);
    expect(ordinals(await claim(place))).toEqual([]);
  });

  test('says when its lease is all that it leaves behind', async () => {
    const { at, place } = await local();
    await run(place, 0, 1, 2);
    const leases = readdirSync(at('out', '_manifest')).filter((name) => name.startsWith('lease'));
    expect(leases).toEqual(['lease-00001.json']);
    expect(JSON.parse(readFileSync(at('out', '_manifest', 'lease-00001.json'), 'utf8'))).toMatchObject({
      released: true,
    });
    utimesSync(at('out', '_SUCCESS'), 1, 1);
  });
});
