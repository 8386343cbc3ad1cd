import { copyFile, stat } from 'node:fs/promises';
import path from 'node:path';
import {
  type AboutKept,
  type Draft,
  FolderCache,
  type HeldFiles,
  type Kept,
} from '../storage/folder-cache.js';
import { isRemote } from '../storage/uri.js';
import { type CachePlace, userCache } from '../storage/user-cache.js';
import { asPenstockError, DataError, InterruptedError, StorageError } from '../util/errors.js';
import { reasonOf } from '../util/system-error.js';
import { type Digests, digestOf, modelDigest } from './digests.js';
import { fetchFiles, isCurrent, renamed } from './model-source.js';
import type { Job } from './schema.js';

export interface LocalizeOptions {
  /** What model and transform must be, wherever they are. */
  readonly expect?: Digests;
  /**
   * Modules (a transform, a model of the runtime `module`) that are on this machine are run from a copy in the cache, where
   * nothing lies beside them that they could import. Default: false.
   */
  readonly alone?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Default: this user's. */
  readonly cache?: CachePlace;
}

/** What a job runs that is not data: all that is needed of it here. */
interface Parts {
  readonly model: { readonly runtime: string; readonly uri?: string | undefined };
  readonly transform?: string | undefined;
}

/** A job whose model and transform are files on this machine, which stay there until this is disposed of. */
export interface Localized<J extends Parts = Job> extends Disposable {
  readonly job: J;
  /** An error that names files in the cache, as one that names where they came from; others as they are. */
  explain(error: unknown): unknown;
}

/**
 * Brings a job's model and transform to this machine: what is remote is fetched into this user's cache, once for all
 * processes that want it, and as often as it changes there. What storage has no versions of is fetched each time, unless
 * `expect` tells it.
 *
 * @example
 * using local = await localized(job);
 * await digestsOf(local.job);
 *
 * @throws StorageError, UsageError where it can't be fetched or kept; DataError where it is not what is expected;
 *   InterruptedError after `signal`
 */
export async function localized<J extends Parts>(
  job: J,
  { expect = {}, alone = false, signal, cache }: LocalizeOptions = {},
): Promise<Localized<J>> {
  const { model, transform } = job;
  const wanted: Wanted[] = [];
  if (model.uri !== undefined) {
    const { uri, runtime } = model;
    const isModule = runtime === 'module';
    wanted.push({ uri, runtime, section: 'model', expected: expect.model, alone: alone && isModule });
  }
  if (transform !== undefined) {
    const expected = expect.transform;
    wanted.push({ uri: transform, runtime: undefined, section: 'transform', expected, alone });
  }
  const held: Held[] = [];
  const release = (): void => {
    for (const { files } of held) files?.[Symbol.dispose]();
  };
  try {
    const paths: Partial<Record<Wanted['section'], string>> = {};
    for (const artifact of wanted) {
      const { files, ...found } = await bring(artifact, cache, signal);
      held.push({ files, uri: artifact.uri, ...found });
      paths[artifact.section] = found.path;
    }
    const here = {
      ...job,
      ...(paths.model !== undefined && { model: { ...model, uri: paths.model } }),
      ...(paths.transform !== undefined && { transform: paths.transform }),
    };
    const explain = (error: unknown): unknown =>
      held.reduce((known, { files, path, uri }) => (files ? renamed(known, path, uri) : known), error);
    return { job: here, explain, [Symbol.dispose]: release };
  } catch (error) {
    release();
    if (signal?.aborted) throw new InterruptedError('interrupted before the first row was read');
    throw error;
  }
}

interface Wanted {
  readonly uri: string;
  /** Undefined for a module. */
  readonly runtime: string | undefined;
  readonly section: 'model' | 'transform';
  readonly expected: string | undefined;
  readonly alone: boolean;
}

interface Found {
  readonly path: string;
  /** Where it is in the cache. */
  readonly files: HeldFiles | undefined;
}

interface Held extends Found {
  readonly uri: string;
}

async function bring(
  wanted: Wanted,
  place: CachePlace | undefined,
  signal: AbortSignal | undefined,
): Promise<Found> {
  const { uri, expected } = wanted;
  if (!isRemote(uri) && !wanted.alone) {
    if (expected !== undefined && (await bareDigest(wanted, uri)) !== bare(expected))
      throw notThatOne(wanted);
    return { path: uri, files: undefined };
  }
  const cache = new FolderCache(place ?? userCache());
  const kept = await lookUp(cache, wanted, signal);
  if (kept !== undefined) return kept;
  return cache.exclusively(uri, signal, async () => {
    // Somebody else may have brought it meanwhile.
    const meanwhile = await lookUp(cache, wanted, signal);
    if (meanwhile !== undefined) return meanwhile;
    const kept = await cache.keep(uri, (draft) => fill(draft, wanted, signal));
    if (expected !== undefined && kept.about.digest !== bare(expected)) throw notThatOne(wanted);
    const files = await kept.hold();
    if (files === undefined)
      throw new StorageError(`${uri}: was removed from the cache at once`, { file: uri });
    return { path: files.path, files };
  });
}

/** What is kept already, if it is what is wanted, and whole. */
async function lookUp(
  cache: FolderCache,
  wanted: Wanted,
  signal: AbortSignal | undefined,
): Promise<Found | undefined> {
  const { uri, expected } = wanted;
  const all = await cache.find(uri);
  if (expected !== undefined) {
    const same = all.filter(({ about }) => about.digest === bare(expected));
    for (const kept of same) {
      const files = await whole(cache, kept, wanted);
      if (files !== undefined) return { path: files.path, files };
    }
  }
  for (const kept of all) {
    if (!(await isUpToDate(kept.about, wanted, signal))) continue;
    // Another one is there: to fetch it again would not change that.
    if (expected !== undefined && kept.about.digest !== bare(expected)) throw notThatOne(wanted);
    const files = await whole(cache, kept, wanted);
    if (files !== undefined) return { path: files.path, files };
  }
  return undefined;
}

/** What is kept, held; undefined where it is damaged or gone. */
async function whole(cache: FolderCache, kept: Kept, wanted: Wanted): Promise<HeldFiles | undefined> {
  const files = await kept.hold();
  if (files === undefined) return undefined;
  const digest = await bareDigest(wanted, files.path).catch(() => undefined);
  if (digest === kept.about.digest) return files;
  files[Symbol.dispose]();
  await cache.remove(kept);
  return undefined;
}

async function fill(
  draft: Draft,
  wanted: Wanted,
  signal: AbortSignal | undefined,
): Promise<Pick<AboutKept, 'main' | 'digest'>> {
  const { uri, runtime, section } = wanted;
  const main = isRemote(uri)
    ? await fetchFiles(draft, uri, runtime === 'module' ? undefined : runtime, { section, signal })
    : await copyModule(draft, uri);
  const local = path.join(draft.folder, main);
  try {
    return { main, digest: await bareDigest(wanted, local) };
  } catch (error) {
    throw renamed(error, local, uri);
  }
}

async function copyModule(draft: Draft, file: string): Promise<string> {
  const name = path.basename(file);
  await draft.add([{ name, object: await localObject(file) }], (object, copy) => copyFile(object.uri, copy));
  return name;
}

async function localObject(file: string) {
  const stats = await stat(file).catch((cause) => {
    throw new StorageError(`${file}: the module can't be opened: ${reasonOf(cause)}`, { file, cause });
  });
  return { uri: file, size: stats.size, version: String(stats.mtimeMs) };
}

async function isUpToDate(
  about: AboutKept,
  { uri, section }: Wanted,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (isRemote(uri)) return isCurrent(about, { section, signal });
  const { size, version } = await localObject(uri);
  return about.objects.every((object) => object.size === size && object.version === version);
}

/** In hexadecimal, as the fingerprint has it. */
async function bareDigest({ runtime, section }: Wanted, file: string): Promise<string> {
  try {
    return await (runtime === undefined ? digestOf([file]) : modelDigest(runtime, file));
  } catch (error) {
    throw asPenstockError(
      error,
      (cause) =>
        new StorageError(`${file}: the ${section} can't be read: ${reasonOf(cause)}`, { file, cause }),
    );
  }
}

const bare = (digest: string): string => digest.replace(/^sha256:/, '');

function notThatOne({ uri, section }: Wanted): DataError {
  return new DataError(`the ${section} at ${uri} is not the one that was submitted`, {
    file: uri,
    hint: 'It changed since, or is another one on this machine. Submit the job again, or put it back.',
  });
}
