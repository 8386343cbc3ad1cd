import {
  appendFile,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  unlink,
  utimes,
} from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { asPenstockError, messageOf, StorageError, UsageError } from '../util/errors.js';
import { writeError, writeFileAtomically } from './atomic-file.js';
import { DEAD_LETTERS, lettersFile } from './dead-letters.js';
import type { Part } from './types.js';

const LOCK = '_lock';
const MANIFEST = '_manifest.jsonl';
const SUCCESS = '_SUCCESS';
const OWN_FILES = /^(_manifest\.jsonl|_SUCCESS|_dead_letters|part-\d+\.\w+|\.[\w.-]+\.\d+\.tmp)$/;

const OWN_LETTERS = /^\.?part-\d+\.jsonl(\.\d+\.tmp)?$/;

/** The lock's time is renewed this often, and it stands for no more than three times as long after the last time. */
const HEARTBEAT_MS = 10_000;

const partSchema = z.object({
  ordinal: z.number(),
  file: z.string(),
  rows: z.number(),
  bytes: z.number(),
  deadLettered: z.number().optional(),
});
const headSchema = z.object({ job: z.string(), fingerprint: z.string(), splits: z.number() });
type Head = z.infer<typeof headSchema>;

interface Manifest {
  readonly head: Head;
  readonly parts: readonly Part[];
  /** Bytes of whole lines: a crash can leave half a line behind them. */
  readonly wholeBytes: number;
}

/**
 * A job's output directory: `part-00000.arrow` …, `_manifest.jsonl` (one line a committed part, behind a head that says
 * whose they are), and at the end `_SUCCESS`. While a run is at work, `_lock` keeps others out.
 */
export class OutputDirectory {
  readonly path: string;
  /** Parts that an earlier run of the same job has committed, by ordinal. */
  readonly committed: ReadonlyMap<number, Part>;
  readonly #heartbeat: NodeJS.Timeout;
  #appending: Promise<void> = Promise.resolve();

  private constructor(path: string, parts: readonly Part[]) {
    this.path = path;
    this.committed = new Map(parts.map((part) => [part.ordinal, part]));
    this.#heartbeat = setInterval(() => {
      const time = new Date();
      utimes(join(path, LOCK), time, time).catch(() => {});
    }, HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /**
   * Takes the directory for one run: makes it where it is not there, locks it, and finds what to resume.
   *
   * @throws UsageError where it is in use, holds another job's output, or files that are not ours
   */
  static async claim(path: string, head: Head, overwrite: boolean): Promise<OutputDirectory> {
    await mkdir(path, { recursive: true }).catch((cause) => {
      throw new StorageError(`${path}: the output directory can't be made: ${messageOf(cause)}`, {
        file: path,
        cause,
      });
    });
    await lock(path);
    try {
      await checkContent(path, head, overwrite);
      if (overwrite) await clear(path);
      const manifest = await readManifest(path);
      if (manifest === undefined) await begin(path, head);
      else await truncate(join(path, MANIFEST), manifest.wholeBytes);
      await removeLeftovers(path, manifest);
      return new OutputDirectory(path, manifest?.parts ?? []);
    } catch (error) {
      await unlink(join(path, LOCK)).catch(() => {});
      throw asPenstockError(error, (cause) => writeError(path, cause));
    }
  }

  /** Enters a part that is in its place into the manifest. Entries are written one after another. */
  record(part: Part): Promise<void> {
    this.#appending = this.#appending.then(() => append(join(this.path, MANIFEST), part));
    // Whoever calls `succeed` or awaits the result hears of a failure.
    this.#appending.catch(() => {});
    return this.#appending;
  }

  /** All parts are there: the marker that says so. */
  async succeed(): Promise<void> {
    await this.#appending;
    await writeFileAtomically(this.path, SUCCESS, new Uint8Array(0));
  }

  /** Lets others in. What was committed stays. */
  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.#appending.catch(() => {});
    await unlink(join(this.path, LOCK)).catch(() => {});
  }
}

async function checkContent(path: string, head: Head, overwrite: boolean): Promise<void> {
  if (overwrite) return;
  const manifest = await readManifest(path);
  if (manifest !== undefined) {
    if (manifest.head.fingerprint === head.fingerprint) return;
    throw new UsageError(
      `${path}: holds the output of another job (${JSON.stringify(manifest.head.job)}, or this one with other data, ` +
        'model or settings)',
      { file: path, key: 'sink.uri', hint: 'Choose another sink.uri, or replace it with --overwrite.' },
    );
  }
  const foreign = (await readdir(path)).filter((name) => name !== LOCK && name !== `${LOCK}.takeover`);
  if (foreign.length === 0) return;
  throw new UsageError(`${path}: is not empty, and no job of Penstock has written it (${foreign[0]})`, {
    file: path,
    key: 'sink.uri',
    hint: 'Choose another sink.uri, or write beside these files with --overwrite.',
  });
}

/** Only what this program writes: files of others in the directory are not ours to delete. */
async function clear(path: string): Promise<void> {
  for (const name of await readdir(path)) {
    if (OWN_FILES.test(name)) await rm(join(path, name), { recursive: true });
  }
}

/** What an interrupted run left: half-written parts, parts that did not make it into the manifest, an old marker. */
async function removeLeftovers(path: string, manifest: Manifest | undefined): Promise<void> {
  const committed = new Set(manifest?.parts.map(({ file }) => file));
  const letters = new Set(manifest?.parts.map(({ ordinal }) => lettersFile(ordinal)));
  for (const name of await readdir(join(path, DEAD_LETTERS)).catch(() => [])) {
    if (OWN_LETTERS.test(name) && !letters.has(name)) await rm(join(path, DEAD_LETTERS, name));
  }
  for (const name of await readdir(path)) {
    if (name === MANIFEST || name === DEAD_LETTERS) continue;
    if (name === SUCCESS && manifest !== undefined && manifest.parts.length === manifest.head.splits)
      continue;
    if (OWN_FILES.test(name) && !committed.has(name)) await rm(join(path, name), { force: true });
  }
}

async function begin(path: string, head: Head): Promise<void> {
  await writeFileAtomically(path, MANIFEST, Buffer.from(`${JSON.stringify(head)}\n`));
}

async function append(manifest: string, part: Part): Promise<void> {
  await appendFile(manifest, `${JSON.stringify(part)}\n`, { flush: true }).catch((cause) => {
    throw writeError(manifest, cause);
  });
}

async function readManifest(path: string): Promise<Manifest | undefined> {
  const file = join(path, MANIFEST);
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return '';
    throw new StorageError(`${file}: can't be read: ${messageOf(cause)}`, { file, cause });
  });
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const [first, ...rest] = whole.split('\n').filter((line) => line !== '');
  if (first === undefined) return undefined;
  try {
    const head = headSchema.parse(JSON.parse(first));
    const parts = new Map<number, Part>();
    for (const line of rest) {
      const part = partSchema.parse(JSON.parse(line));
      // A part that somebody removed is made again.
      const stats = await stat(join(path, part.file)).catch(() => undefined);
      if (stats?.size === part.bytes) parts.set(part.ordinal, part);
    }
    return { head, parts: [...parts.values()], wholeBytes: Buffer.byteLength(whole) };
  } catch (cause) {
    throw new UsageError(`${file}: is damaged: ${messageOf(cause)}`, {
      file,
      hint: 'Replace the output with --overwrite.',
      cause,
    });
  }
}

const lockSchema = z.object({ pid: z.number(), host: z.string(), since: z.string() });
type Holder = z.infer<typeof lockSchema>;

/** One run at a time: made with O_EXCL, so that of two that try, one fails. */
async function lock(path: string): Promise<void> {
  const file = join(path, LOCK);
  if (await createLock(file)) return;
  await refuseIfHeld(path, file);
  // Left over by a run that is gone. Of two that find that, one clears it away: the other might else remove the lock that
  // the first has made in its place.
  const takeover = `${file}.takeover`;
  if (!(await createLock(takeover))) {
    const holder = await livingHolder(takeover);
    if (holder !== undefined) throw inUse(path, holder);
    await unlink(takeover).catch(() => {});
    throw inUse(path, { pid: 0, host: 'this host', since: 'a moment' });
  }
  try {
    await refuseIfHeld(path, file);
    await unlink(file).catch(() => {});
    if (!(await createLock(file))) await refuseIfHeld(path, file);
  } finally {
    await unlink(takeover).catch(() => {});
  }
}

/** False where the file is there already. */
async function createLock(file: string): Promise<boolean> {
  const holder: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  try {
    const handle = await open(file, 'wx');
    await handle.writeFile(JSON.stringify(holder));
    await handle.close();
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw writeError(file, cause);
  }
}

async function refuseIfHeld(path: string, file: string): Promise<void> {
  const holder = await livingHolder(file);
  if (holder !== undefined) throw inUse(path, holder);
}

function inUse(path: string, { pid, host, since }: Holder): UsageError {
  return new UsageError(`${path}: is in use by another run (process ${pid} on ${host}, since ${since})`, {
    file: path,
    key: 'sink.uri',
    hint: 'Wait for it to end, or choose another sink.uri.',
  });
}

/** Who holds a lock, unless that run is gone: its process is not there, or its heartbeat stopped long ago. */
async function livingHolder(file: string): Promise<Holder | undefined> {
  const [text, stats] = await Promise.all([readFile(file, 'utf8'), stat(file)]).catch(
    () => ['', undefined] as const,
  );
  if (stats === undefined) return undefined;
  const silent = Date.now() - stats.mtimeMs > 3 * HEARTBEAT_MS;
  const parsed = lockSchema.safeParse(parseJson(text));
  if (!parsed.success)
    return silent ? undefined : { pid: 0, host: 'this host', since: stats.mtime.toISOString() };
  const { pid, host } = parsed.data;
  const alive = host === hostname() ? isRunning(pid) : !silent;
  return alive ? parsed.data : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
