import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { OutputDirectory } from '../../src/sink/output-directory.js';
import type { Part } from '../../src/sink/types.js';
import { StorageError, UsageError } from '../../src/util/errors.js';
import { workspace } from '../helpers/workspace.js';

/** Lets a test step in before a file is removed. */
const files = vi.hoisted(() => ({
  beforeUnlink: undefined as ((path: string) => Promise<void>) | undefined,
}));
vi.mock('node:fs/promises', async (importOriginal) => {
  const actual = await importOriginal<typeof import('node:fs/promises')>();
  const unlink: typeof actual.unlink = async (path) => {
    await files.beforeUnlink?.(String(path));
    await actual.unlink(path);
  };
  return { ...actual, unlink };
});

type At = (...names: string[]) => string;

const HEAD = { job: 'digits', fingerprint: 'abc', splits: 3 };

async function claim(path: string, head = HEAD, overwrite = false): Promise<OutputDirectory> {
  const directory = await OutputDirectory.claim(path, head, overwrite);
  onTestFinished(() => directory.release());
  return directory;
}

/** Writes a part as the sink does, without its content, and enters it. */
async function write(
  directory: OutputDirectory,
  ordinal: number,
  content = `rows of ${ordinal}`,
): Promise<Part> {
  const file = `part-0000${ordinal}.arrow`;
  writeFileSync(`${directory.path}/${file}`, content);
  const part = { ordinal, file, rows: 10 + ordinal, bytes: content.length };
  await directory.record(part);
  return part;
}

/** A run that wrote some parts and was let go of, with `_SUCCESS` where it wrote all. */
async function run(path: string, ...ordinals: number[]): Promise<void> {
  const directory = await OutputDirectory.claim(path, HEAD, false);
  for (const ordinal of ordinals) await write(directory, ordinal);
  if (directory.committed.size + ordinals.length >= HEAD.splits) await directory.succeed();
  await directory.release();
}

const manifest = (at: At): unknown[] =>
  readFileSync(at('out', '_manifest.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

const ordinals = ({ committed }: OutputDirectory): number[] => [...committed.keys()].sort();
const names = (at: At): string[] => readdirSync(at('out')).sort();

describe('a run that takes a directory', () => {
  test('makes it, with all above it, and keeps others out until it lets go', async () => {
    const at = workspace();
    const directory = await claim(at('deep', 'out'));
    expect(ordinals(directory)).toEqual([]);
    expect(readdirSync(at('deep', 'out')).sort()).toEqual(['_lock', '_manifest.jsonl']);
    const refused = claim(at('deep', 'out'));
    await expect(refused).rejects.toBeInstanceOf(UsageError);
    await expect(refused).rejects.toThrow(
      `${at('deep', 'out')}: is in use by another run (process ${process.pid} on ${hostname()}, since `,
    );
    await directory.release();
    expect(readdirSync(at('deep', 'out'))).toEqual(['_manifest.jsonl']);
    await claim(at('deep', 'out'));
  });

  test('enters its parts one after another, behind whose they are', async () => {
    const at = workspace();
    const directory = await claim(at('out'));
    const parts = [2, 0, 1].map((ordinal) => ({
      ordinal,
      file: `part-0000${ordinal}.arrow`,
      rows: 5,
      bytes: 9,
    }));
    await Promise.all(parts.map((part) => directory.record(part)));
    expect(manifest(at)).toEqual([HEAD, ...parts]);
  });

  test('sets the marker only once all entries are written', async () => {
    const at = workspace();
    const directory = await claim(at('out'));
    const entries = Array.from({ length: 20 }, (_, ordinal) =>
      directory.record({ ordinal, file: 'f', rows: 1, bytes: 1 }),
    );
    await directory.succeed();
    expect(manifest(at)).toHaveLength(21);
    expect(names(at)).toEqual(['_SUCCESS', '_lock', '_manifest.jsonl']);
    await Promise.all(entries);
  });

  test('hears of an entry that could not be written, and sets no marker', async () => {
    const at = workspace();
    const directory = await claim(at('out'));
    rmSync(at('out'), { recursive: true });
    await expect(directory.record({ ordinal: 0, file: 'f', rows: 1, bytes: 1 })).rejects.toBeInstanceOf(
      StorageError,
    );
    await expect(directory.succeed()).rejects.toBeInstanceOf(StorageError);
    await directory.release();
  });

  test('says so where no directory can be made', async () => {
    const at = workspace();
    writeFileSync(at('out'), 'a file');
    await expect(claim(at('out'))).rejects.toThrow(`${at('out')}: the output directory can't be made: `);
  });
});

describe('the same job again', () => {
  test('finds what is committed', async () => {
    const at = workspace();
    await run(at('out'), 0, 2);
    const directory = await claim(at('out'));
    expect(ordinals(directory)).toEqual([0, 2]);
    expect(directory.committed.get(2)).toEqual({ ordinal: 2, file: 'part-00002.arrow', rows: 12, bytes: 9 });
    await write(directory, 1);
    await directory.release();
    expect(ordinals(await claim(at('out')))).toEqual([0, 1, 2]);
  });

  test('that was done is done: marker and parts stay', async () => {
    const at = workspace();
    await run(at('out'), 0, 1, 2);
    const before = names(at);
    const directory = await claim(at('out'));
    await directory.release();
    expect(names(at)).toEqual(before);
    expect(before).toContain('_SUCCESS');
  });

  test.each([1, 10, 40, 55])(
    'after a crash in the middle of an entry, %i bytes in, goes on from the one before',
    async (cut) => {
      const at = workspace();
      await run(at('out'), 0);
      const entry = `${JSON.stringify({ ordinal: 1, file: 'part-00001.arrow', rows: 11, bytes: 9 })}\n`;
      appendFileSync(at('out', '_manifest.jsonl'), entry.slice(0, cut));
      writeFileSync(at('out', 'part-00001.arrow'), 'rows of 1');
      const directory = await claim(at('out'));
      expect(ordinals(directory)).toEqual([0]);
      expect(names(at)).not.toContain('part-00001.arrow');
      await write(directory, 2);
      await directory.release();
      expect(manifest(at)).toHaveLength(3);
      expect(ordinals(await claim(at('out')))).toEqual([0, 2]);
    },
  );

  test('makes a part again that is gone, or of another size', async () => {
    const at = workspace();
    await run(at('out'), 0, 1, 2);
    rmSync(at('out', 'part-00000.arrow'));
    truncateSync(at('out', 'part-00002.arrow'), 3);
    const directory = await claim(at('out'));
    expect(ordinals(directory)).toEqual([1]);
    // It is not done any more, and its rest is in the way of nobody.
    expect(names(at)).toEqual(['_lock', '_manifest.jsonl', 'part-00001.arrow']);
  });

  test('is not done as long as a part is gone, however often others were made again', async () => {
    const at = workspace();
    await run(at('out'), 0, 1, 2);
    rmSync(at('out', 'part-00000.arrow'));
    await run(at('out'), 0);
    expect(names(at)).toContain('_SUCCESS');
    rmSync(at('out', 'part-00001.arrow'));
    const directory = await claim(at('out'));
    expect(ordinals(directory)).toEqual([0, 2]);
    expect(names(at)).not.toContain('_SUCCESS');
  });

  test('removes what an interrupted run left, and nothing of anybody else', async () => {
    const at = workspace();
    await run(at('out'), 0);
    for (const name of [
      'part-00001.arrow',
      '.part-00002.arrow.77.tmp',
      '._SUCCESS.8.tmp',
      '_SUCCESS',
      'notes.txt',
    ]) {
      writeFileSync(at('out', name), 'left');
    }
    mkdirSync(at('out', '_dead_letters'));
    writeFileSync(at('out', '_dead_letters', 'rows.jsonl'), '{}');
    await claim(at('out'));
    expect(names(at)).toEqual(['_dead_letters', '_lock', '_manifest.jsonl', 'notes.txt', 'part-00000.arrow']);
    expect(readdirSync(at('out', '_dead_letters'))).toEqual(['rows.jsonl']);
  });
});

describe('a directory that is not free', () => {
  test('holds the output of another job: refused and untouched, or replaced if asked for', async () => {
    const at = workspace();
    await run(at('out'), 0, 1, 2);
    writeFileSync(at('out', 'notes.txt'), 'dear');
    const before = names(at);
    const other = { job: 'letters', fingerprint: 'xyz', splits: 1 };
    const refused = claim(at('out'), other);
    await expect(refused).rejects.toBeInstanceOf(UsageError);
    await expect(refused).rejects.toThrow(`${at('out')}: holds the output of another job ("digits"`);
    expect(names(at)).toEqual(before);
    expect(ordinals(await claim(at('out'), other, true))).toEqual([]);
    expect(names(at)).toEqual(['_lock', '_manifest.jsonl', 'notes.txt']);
    expect(manifest(at)).toEqual([other]);
  });

  test('holds files of somebody else: refused and untouched', async () => {
    const at = workspace();
    mkdirSync(at('out'));
    writeFileSync(at('out', 'thesis.txt'), 'dear');
    const refused = claim(at('out'));
    await expect(refused).rejects.toThrow('is not empty, and no job of Penstock has written it (thesis.txt)');
    expect(names(at)).toEqual(['thesis.txt']);
  });

  test("has a manifest without a whole head: it is no job's, so it is refused", async () => {
    const at = workspace();
    mkdirSync(at('out'));
    writeFileSync(at('out', '_manifest.jsonl'), JSON.stringify(HEAD).slice(0, 20));
    await expect(claim(at('out'))).rejects.toThrow('no job of Penstock has written it (_manifest.jsonl)');
    expect(ordinals(await claim(at('out'), HEAD, true))).toEqual([]);
    expect(manifest(at)).toEqual([HEAD]);
  });

  test('has a manifest that is damaged: refused with what to do', async () => {
    const at = workspace();
    await run(at('out'), 0);
    appendFileSync(at('out', '_manifest.jsonl'), 'nonsense\n');
    const refused = claim(at('out'));
    await expect(refused).rejects.toBeInstanceOf(UsageError);
    await expect(refused).rejects.toThrow(`${at('out', '_manifest.jsonl')}: is damaged`);
    await expect(refused).rejects.toMatchObject({ hint: expect.stringContaining('--overwrite') });
    expect(names(at)).not.toContain('_lock');
  });
});

describe('a lock that is left over', () => {
  /** A process that is gone. */
  const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;
  const OLD = 60;

  function leave(at: At, content: unknown, ageSeconds: number): void {
    mkdirSync(at('out'));
    writeFileSync(at('out', '_lock'), typeof content === 'string' ? content : JSON.stringify(content));
    const seconds = Date.now() / 1000 - ageSeconds;
    utimesSync(at('out', '_lock'), seconds, seconds);
  }

  const since = '2026-01-01T00:00:00.000Z';

  test.each([0, OLD])(
    'by a process of this host that is gone is taken over, %i seconds later',
    async (age) => {
      const at = workspace();
      leave(at, { pid: deadPid(), host: hostname(), since }, age);
      await claim(at('out'));
      expect(JSON.parse(readFileSync(at('out', '_lock'), 'utf8'))).toMatchObject({
        pid: process.pid,
        host: hostname(),
      });
    },
  );

  test('by a process of this host that lives stands, however old it is', async () => {
    const at = workspace();
    leave(at, { pid: process.ppid, host: hostname(), since }, OLD);
    await expect(claim(at('out'))).rejects.toThrow(
      `is in use by another run (process ${process.ppid} on ${hostname()}, since ${since})`,
    );
  });

  test('by another host stands as long as its heart beats', async () => {
    const at = workspace();
    leave(at, { pid: 1, host: 'elsewhere', since }, 20);
    await expect(claim(at('out'))).rejects.toThrow('is in use by another run (process 1 on elsewhere');
    utimesSync(at('out', '_lock'), Date.now() / 1000 - OLD, Date.now() / 1000 - OLD);
    await claim(at('out'));
  });

  test('without its content stands until it is old: its owner may be about to write it', async () => {
    const at = workspace();
    leave(at, '', 0);
    await expect(claim(at('out'))).rejects.toThrow('is in use by another run');
    utimesSync(at('out', '_lock'), Date.now() / 1000 - OLD, Date.now() / 1000 - OLD);
    await claim(at('out'));
  });

  test('is taken over by one of many that try at the same time', async () => {
    const pid = deadPid();
    for (let round = 0; round < 40; round++) {
      const at = workspace();
      leave(at, { pid, host: hostname(), since }, 0);
      const tries = await Promise.allSettled(Array.from({ length: 4 }, () => claim(at('out'))));
      expect(
        tries.filter(({ status }) => status === 'fulfilled'),
        `round ${round}`,
      ).toHaveLength(1);
    }
  });
});

test('of two that find the same lock left over, the slower does not remove that of the faster', async () => {
  const at = workspace();
  mkdirSync(at('out'));
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(
    at('out', '_lock'),
    JSON.stringify({ pid, host: hostname(), since: '2026-01-01T00:00:00.000Z' }),
  );
  let removals = 0;
  let tries: Promise<OutputDirectory>[] = [];
  files.beforeUnlink = async (path) => {
    // Whoever comes second to the removal is held up until the first has the directory.
    if (path.endsWith('_lock') && removals++ > 0) await Promise.race(tries).catch(() => {});
  };
  onTestFinished(() => {
    files.beforeUnlink = undefined;
  });
  tries = [claim(at('out')), claim(at('out'))];
  const outcomes = await Promise.allSettled(tries);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test("the lock's time is renewed while the run goes on", async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const at = workspace();
  await claim(at('out'));
  utimesSync(at('out', '_lock'), 1e9, 1e9);
  vi.advanceTimersByTime(10_000);
  await vi.waitFor(() => expect(Date.now() - statSync(at('out', '_lock')).mtimeMs).toBeLessThan(60_000));
});
