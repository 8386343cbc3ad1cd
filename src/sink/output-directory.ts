import { z } from 'zod';
import type { OutputFile, OutputStore } from '../storage/output-types.js';
import { awaitedLater, inOrder } from '../util/ahead.js';
import { messageOf, type PenstockError, StorageError, UsageError } from '../util/errors.js';
import { Lease } from './lease.js';
import {
  DEAD_LETTERS,
  entryFile,
  HEAD,
  isOwn,
  isTemporary,
  lettersFile,
  MANIFEST,
  numberIn,
  SUCCESS,
} from './output-files.js';
import type { Part } from './types.js';

/*
 * What is on storage, and what it means, between any two calls (a run may be killed there, or the power lost):
 *
 * claim   1  look: is it ours?           Nothing is written where it is not.
 *         2  create the lease            Killed: only a lease, whose process is gone; the next run takes over.
 *         3  look again                  Somebody may have been here between 1 and 2.
 *         4  remove `_SUCCESS`           Where parts are missing, or --overwrite. First of all: never does it stand beside less
 *                                        than all parts of one job.
 *         5  remove void entries         Of parts that are gone, or all with --overwrite. The parts are then left over.
 *         6  write the head              At a new output, or with --overwrite: before it the directory is still the old
 *                                        job's, without entries; after it the new one's. No part is without a head.
 *         7  settle                      What 4 to 6 did survives a loss of power, before parts follow.
 *         8  remove what is left over    Parts, letters and temporary files without an entry. Killed: the next run does it.
 *
 * a part  1  write its dead letters      Letters without a part: left over.
 *  (the   2  write the part              A part without an entry: left over, made again.
 *  sink)
 *  (here) 3  confirm the lease           Whoever has lost it commits nothing.
 *         4  write its entry             Committed. An entry is trusted only where the part is there with its size: so
 *                                        it does not matter which of 2 and 4 a loss of power takes back.
 *
 * success 1  look: are all parts there?  Somebody may have removed one, or written over it.
 *         2  settle                      All names survive from here on.
 *         3  write `_SUCCESS`, settle    Killed before: the next run finds all parts and does just this.
 *
 * release 1  the lease says `released`   Killed before: the process is gone, see lease.ts.
 */

/** Entries that are read at the same time. */
const READS_AT_ONCE = 64;

const partSchema = z.object({
  ordinal: z.number(),
  file: z.string(),
  rows: z.number(),
  bytes: z.number(),
  deadLettered: z.number().optional(),
});
const headSchema = z.object({ job: z.string(), fingerprint: z.string(), splits: z.number() });

/** Whose an output is. */
export type Head = z.infer<typeof headSchema>;

/** What a look at an output directory shows. */
interface Content {
  readonly hasHead: boolean;
  readonly files: readonly OutputFile[];
  readonly manifest: readonly OutputFile[];
}

/**
 * A job's output directory, local or remote: parts, their manifest, and at the end `_SUCCESS` (see `output-files.ts`). While
 * a run is at work, its lease keeps others out.
 */
export class OutputDirectory {
  readonly uri: string;
  readonly store: OutputStore;
  /** Parts that an earlier run of the same job has committed, by ordinal. */
  readonly committed: ReadonlyMap<number, Part>;
  readonly #lease: Lease;
  readonly #parts = new Map<number, Part>();
  readonly #recording = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  private constructor(store: OutputStore, lease: Lease, committed: readonly Part[]) {
    this.uri = store.uri;
    this.store = store;
    this.#lease = lease;
    this.committed = new Map(committed.map((part) => [part.ordinal, part]));
    for (const part of committed) this.#parts.set(part.ordinal, part);
  }

  /**
   * Takes the directory for one run: makes it where it is not there, keeps others out, and finds what to resume.
   *
   * @throws UsageError where it is in use, holds another job's output, or files that are not ours
   */
  static async claim(store: OutputStore, head: Head, overwrite: boolean): Promise<OutputDirectory> {
    if (!overwrite) await checkOwner(store, await look(store), head);
    await store.prepare();
    const lease = await Lease.take(store);
    try {
      const content = await look(store);
      if (!overwrite) await checkOwner(store, content, head);
      const anew = overwrite || !content.hasHead;
      const parts = anew ? [] : await committedParts(store, content);
      await makeReady(store, content, head, parts, anew);
      return new OutputDirectory(store, lease, parts);
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  /** Calls back where another run takes the directory over: whatever is done from then on is in vain. */
  onLost(callback: (error: PenstockError) => void): void {
    this.#lease.onLost(callback);
  }

  /** Enters a part that is in its place into the manifest: then it is committed. */
  record(part: Part): Promise<void> {
    const recorded = this.#record(part)
      .catch((error: unknown) => {
        this.#failure ??= { error };
        throw error;
      })
      .finally(() => this.#recording.delete(recorded));
    this.#recording.add(recorded);
    // Whoever calls `succeed` or awaits the result hears of a failure.
    recorded.catch(() => {});
    return recorded;
  }

  async #record(part: Part): Promise<void> {
    await this.#lease.confirm();
    await this.store.write(entryFile(part.ordinal), Buffer.from(`${JSON.stringify(part)}\n`));
    this.#parts.set(part.ordinal, part);
  }

  /** All parts are committed: the marker that says so. */
  async succeed(): Promise<void> {
    await Promise.allSettled(this.#recording);
    if (this.#failure !== undefined) throw this.#failure.error;
    await this.#lease.confirm();
    const files = sizesOf(await this.store.list(''));
    const missing = [...this.#parts.values()].find(({ file, bytes }) => files.get(file) !== bytes);
    if (missing !== undefined) {
      throw new StorageError(
        `${this.uri}/${missing.file}: was removed, or written over, while the run was at work`,
        { file: `${this.uri}/${missing.file}`, hint: 'Run the same job again: it makes the part again.' },
      );
    }
    await this.store.settle();
    await this.store.write(SUCCESS, new Uint8Array(0));
    await this.store.settle();
  }

  /** Lets others in. What was committed stays. */
  async release(): Promise<void> {
    await Promise.allSettled(this.#recording);
    await this.#lease.release();
  }
}

async function look(store: OutputStore): Promise<Content> {
  const inManifest = awaitedLater(store.list(MANIFEST));
  const files = await store.list('');
  const manifest = await inManifest;
  const hasHead = manifest.some(({ name }) => `${MANIFEST}/${name}` === HEAD);
  return { hasHead, files, manifest };
}

async function readHead(store: OutputStore): Promise<Head | undefined> {
  const bytes = await store.read(HEAD);
  if (bytes === undefined) return undefined;
  try {
    return headSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (cause) {
    const file = `${store.uri}/${HEAD}`;
    throw new UsageError(`${file}: is damaged: ${messageOf(cause)}`, {
      file,
      hint: 'Replace the output with --overwrite.',
      cause,
    });
  }
}

async function checkOwner(
  store: OutputStore,
  { hasHead, files, manifest }: Content,
  head: Head,
): Promise<void> {
  const { uri } = store;
  const found = hasHead ? await readHead(store) : undefined;
  if (found !== undefined) {
    if (found.fingerprint === head.fingerprint) return;
    throw new UsageError(
      `${uri}: holds the output of another job (${JSON.stringify(found.job)}, or this one with other data, ` +
        'model or settings)',
      { file: uri, key: 'sink.uri', hint: 'Choose another sink.uri, or replace it with --overwrite.' },
    );
  }
  const names = [
    ...files.map(({ name }) => name).filter((name) => name !== `${MANIFEST}/`),
    // A run that was killed before it had written a head leaves its lease.
    ...manifest
      .filter(({ name }) => numberIn(name, 'lease') === undefined)
      .map(({ name }) => `${MANIFEST}/${name}`),
  ];
  const foreign = names.find((name) => !isTemporary(name.slice(name.lastIndexOf('/', name.length - 2) + 1)));
  if (foreign === undefined) return;
  throw new UsageError(`${uri}: is not empty, and no job of Penstock has written it (${foreign})`, {
    file: uri,
    key: 'sink.uri',
    hint: 'Choose another sink.uri, or write beside these files with --overwrite.',
  });
}

const sizesOf = (files: readonly OutputFile[]): Map<string, number> =>
  new Map(files.map(({ name, size }) => [name, size]));

/** A part that somebody removed, or that is not what its entry says, is made again. */
async function committedParts(store: OutputStore, { files, manifest }: Content): Promise<Part[]> {
  const sizes = sizesOf(files);
  const ordinals = manifest.flatMap(({ name }) => numberIn(name, 'part') ?? []);
  const parts: Part[] = [];
  for await (const part of inOrder(ordinals, READS_AT_ONCE, (ordinal) => readEntry(store, ordinal))) {
    if (part !== undefined && sizes.get(part.file) === part.bytes) parts.push(part);
  }
  return parts;
}

async function readEntry(store: OutputStore, ordinal: number): Promise<Part | undefined> {
  const bytes = await store.read(entryFile(ordinal));
  try {
    const part = partSchema.parse(JSON.parse(Buffer.from(bytes ?? '').toString()));
    return part.ordinal === ordinal ? part : undefined;
  } catch {
    return undefined;
  }
}

/** Steps 4 to 8 of a claim. */
async function makeReady(
  store: OutputStore,
  { files, manifest }: Content,
  head: Head,
  parts: readonly Part[],
  anew: boolean,
): Promise<void> {
  const entries = new Set(parts.map(({ ordinal }) => entryFile(ordinal)));
  const isDone = parts.length === head.splits;
  const old = manifest
    .map(({ name }) => `${MANIFEST}/${name}`)
    .filter((name) => name !== HEAD && !name.startsWith(`${MANIFEST}/lease-`) && !entries.has(name));
  if (!isDone && files.some(({ name }) => name === SUCCESS)) await store.remove(SUCCESS);
  await removeAll(
    store,
    old.filter((name) => isOwn(MANIFEST, name.slice(MANIFEST.length + 1))),
  );
  if (anew) await store.write(HEAD, Buffer.from(`${JSON.stringify(head)}\n`));
  await store.settle();
  const kept = new Set([...parts.map(({ file }) => file), SUCCESS]);
  const letters = new Set(parts.map(({ ordinal }) => lettersFile(ordinal)));
  const inLetters = files.some(({ name }) => name === `${DEAD_LETTERS}/`)
    ? await store.list(DEAD_LETTERS)
    : [];
  await removeAll(store, [
    ...files.map(({ name }) => name).filter((name) => isOwn('', name) && !kept.has(name)),
    ...inLetters
      .filter(({ name }) => isOwn(DEAD_LETTERS, name))
      .map(({ name }) => `${DEAD_LETTERS}/${name}`)
      .filter((name) => !letters.has(name)),
  ]);
}

async function removeAll(store: OutputStore, names: readonly string[]): Promise<void> {
  for await (const _ of inOrder(names, READS_AT_ONCE, (name) => store.remove(name)));
}
