import { mkdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseJob } from '../../src/job/load.js';
import { finishOutput, type PreparedOutput, prepareOutput } from '../../src/job/output.js';
import type { Job } from '../../src/job/schema.js';
import { OutputDirectory } from '../../src/sink/output-directory.js';
import type { OutputShare } from '../../src/sink/types.js';
import { InterruptedError, InUseError, StorageError, UsageError } from '../../src/util/errors.js';
import { int32, writeArrow } from '../helpers/arrow.js';
import { contentOf, type Place, placeOf } from '../helpers/outputs.js';
import { workspace } from '../helpers/workspace.js';

const FILES = 4;
const PLACES = ['a local directory', 'an object server'] as const;

/** A job over four files, a split each, that writes to a place. */
async function jobTo(kind: (typeof PLACES)[number]): Promise<{ job: Job; place: Place; data: string }> {
  const at = workspace();
  mkdirSync(at('data'));
  for (let file = 0; file < FILES; file++) {
    writeArrow(at('data', `${file}.arrow`), [[int32('x', [file, file])]]);
  }
  const place = await placeOf(kind);
  const { uri, options } = place.location;
  const job = parseJob({
    name: 'numbers',
    source: { uri: at('data') },
    model: { runtime: 'simulated' },
    inputs: { x: {} },
    sink: { uri, ...(kind === 'an object server' && { storage: options }) },
  });
  return { job, place, data: at('data') };
}

const shareOf = (index: number): OutputShare => ({
  index,
  count: 2,
  ordinals: new Set([2 * index, 2 * index + 1]),
});

async function claim({ store }: Place, prepared: PreparedOutput, index: number): Promise<OutputDirectory> {
  const { fingerprint, splits } = prepared;
  return OutputDirectory.claim(store, { job: 'numbers', fingerprint, splits }, false, shareOf(index));
}

/** Writes a shard's parts, as its run does, one of them with a bad row. */
async function run(place: Place, prepared: PreparedOutput, index: number, isLast = false): Promise<void> {
  const directory = await claim(place, prepared, index);
  for (const ordinal of shareOf(index).ordinals) {
    const bytes = Buffer.from(`rows of ${ordinal}`);
    const part = { ordinal, file: `part-0000${ordinal}.arrow`, rows: 2, bytes: bytes.length };
    await place.store.write(part.file, bytes);
    await directory.record(ordinal === 1 ? { ...part, rows: 1, deadLettered: 1 } : part);
  }
  if (isLast) await directory.succeed();
  await directory.release();
}

describe.each(PLACES)('the output of a job whose shards others run, in %s', (kind) => {
  test('is prepared, written and finished', async () => {
    const { job, place } = await jobTo(kind);
    const prepared = await prepareOutput(job);
    expect(prepared).toMatchObject({ splits: FILES, bytes: expect.any(Number), committed: [] });
    expect(Object.keys(await contentOf(place)).sort()).toEqual([
      '_manifest/job.json',
      '_manifest/lease-00001.json',
    ]);
    await run(place, prepared, 1);
    const again = await prepareOutput(job);
    expect(again).toMatchObject({
      fingerprint: prepared.fingerprint,
      committed: [{ ordinal: 2 }, { ordinal: 3 }],
    });
    await run(place, prepared, 0);
    expect(await contentOf(place)).not.toHaveProperty('_SUCCESS');
    for (let time = 0; time < 2; time++) {
      expect(await finishOutput(job, prepared)).toEqual({ parts: 4, rows: 7, deadLettered: 1 });
      expect(await contentOf(place)).toHaveProperty('_SUCCESS');
    }
  });

  test('is finished without a lease where the last shard has set the marker', async () => {
    const { job, place } = await jobTo(kind);
    const prepared = await prepareOutput(job);
    await run(place, prepared, 0);
    await run(place, prepared, 1, true);
    // Somebody holds a shard still, without anything to do.
    const directory = await claim(place, prepared, 0);
    expect(await finishOutput(job, prepared)).toEqual({ parts: 4, rows: 7, deadLettered: 1 });
    await directory.release();
  });

  test('is not finished while parts are missing, and the first is named', async () => {
    const { job, place } = await jobTo(kind);
    const prepared = await prepareOutput(job);
    await run(place, prepared, 0);
    const missing = finishOutput(job, prepared);
    await expect(missing).rejects.toBeInstanceOf(StorageError);
    await expect(missing).rejects.toThrow(
      `${place.location.uri}/part-00002.arrow: is missing, or is not what its entry in the manifest says; 2 of 4 parts are there`,
    );
    await run(place, prepared, 1, true);
    await place.store.write('part-00003.arrow', Buffer.from('cut'));
    await expect(finishOutput(job, prepared)).rejects.toThrow('part-00003.arrow: is missing, or is not what');
    expect(await contentOf(place)).not.toHaveProperty('_SUCCESS');
  });

  test('is in use while a shard is at work', async () => {
    const { job, place } = await jobTo(kind);
    const prepared = await prepareOutput(job);
    const directory = await claim(place, prepared, 0);
    await expect(prepareOutput(job)).rejects.toBeInstanceOf(InUseError);
    await expect(prepareOutput(job, { overwrite: true })).rejects.toBeInstanceOf(InUseError);
    await expect(finishOutput(job, prepared)).rejects.toMatchObject({ code: 'IN_USE' });
    await directory.release();
    await prepareOutput(job);
  });

  test('loses its marker where a part is gone when it is prepared again', async () => {
    const { job, place } = await jobTo(kind);
    const prepared = await prepareOutput(job);
    await run(place, prepared, 0);
    await run(place, prepared, 1, true);
    expect((await prepareOutput(job)).committed).toHaveLength(4);
    expect(await contentOf(place)).toHaveProperty('_SUCCESS');
    await place.store.remove('part-00001.arrow');
    expect((await prepareOutput(job)).committed.map(({ ordinal }) => ordinal)).toEqual([0, 2, 3]);
    expect(await contentOf(place)).not.toHaveProperty('_SUCCESS');
  });

  test('is another job’s with other data, unless it is to be replaced', async () => {
    const { job, place, data } = await jobTo(kind);
    const prepared = await prepareOutput(job);
    await run(place, prepared, 0);
    writeArrow(`${data}/4.arrow`, [[int32('x', [4])]]);
    await expect(prepareOutput(job)).rejects.toBeInstanceOf(UsageError);
    await expect(prepareOutput(job)).rejects.toThrow('holds the output of another job');
    const other = await prepareOutput(job, { overwrite: true });
    expect(other).toMatchObject({ splits: FILES + 1, committed: [] });
    expect(other.fingerprint).not.toBe(prepared.fingerprint);
    await expect(finishOutput(job, prepared)).rejects.toThrow('holds the output of another job');
  });
});

describe('a job that writes nothing', () => {
  test('is prepared and finished without a place', async () => {
    const { job } = await jobTo('a local directory');
    const none = parseJob({ ...job, sink: { format: 'none' } });
    const prepared = await prepareOutput(none);
    expect(prepared).toMatchObject({ splits: FILES, committed: [] });
    expect(await finishOutput(none, prepared)).toEqual({ parts: 0, rows: 0, deadLettered: 0 });
  });
});

test('preparing ends where it is told to', async () => {
  const { job, place } = await jobTo('a local directory');
  await expect(prepareOutput(job, { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(InterruptedError);
  expect(await contentOf(place)).toEqual({});
});
