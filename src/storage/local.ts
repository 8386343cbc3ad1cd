import { close, fstat, open, read, readSync, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, normalize, parse, sep } from 'node:path';
import { promisify } from 'node:util';
import { glob, isDynamicPattern } from 'tinyglobby';
import { messageOf, StorageError } from '../util/errors.js';
import { codeOf, reasonOf } from '../util/system-error.js';
import type { ObjectReader, StoredObject } from './types.js';

/**
 * The files that a source names: one file, all files below a directory, or those that match a glob; sorted by path.
 * Names that begin with `.` or `_` are passed over in directories: they are markers, not data.
 *
 * @throws StorageError where nothing is there.
 */
export async function listLocal(uri: string): Promise<StoredObject[]> {
  const stats = await statOrUndefined(uri);
  if (stats?.isFile()) return [describe(uri, stats)];
  const paths = (stats?.isDirectory() ? await walk(uri) : await matching(uri)).sort();
  if (paths.length === 0) {
    const nothing = (what: string, hint: string): StorageError =>
      new StorageError(`${uri}: ${what}`, { file: uri, hint });
    throw stats?.isDirectory()
      ? nothing('the directory holds no data files', 'Names that begin with "." or "_" are passed over.')
      : nothing('no file matches', RELATIVE);
  }
  return Promise.all(
    paths.map(async (path) => {
      const found = await statOrUndefined(path);
      if (found !== undefined) return describe(path, found);
      throw new StorageError(`${path}: vanished while ${uri} was being listed`, {
        file: path,
        hint: 'Run the job again once the data is at rest.',
      });
    }),
  );
}

const RELATIVE = 'Check the path; relative ones in a job file start at its folder.';

/*
 * Plain descriptors rather than FileHandles: their reads cost less, and a thread that is terminated closes them by
 * itself, where a forgotten FileHandle warns.
 */
const openFile = promisify(open);
const readFile = promisify(read);
const statFile = promisify(fstat);
const closeFile = promisify(close);

/** Bytes of one read at most: node:fs takes lengths of up to 31 bits. */
const MOST_BYTES = 2 ** 30;

/** Opens a file that was listed; a StorageError where it changed since. */
export async function openLocal(object: StoredObject): Promise<ObjectReader> {
  const { uri } = object;
  const failed = (cause: unknown): never => {
    throw new StorageError(`${uri}: can't be opened: ${reasonOf(cause)}`, { file: uri, cause });
  };
  const fd = await openFile(uri, 'r').catch(failed);
  try {
    checkUnchanged(object, describe(uri, await statFile(fd).catch(failed)));
  } catch (error) {
    await closeFile(fd);
    throw error;
  }
  return new LocalReader(object, fd);
}

function checkUnchanged({ uri, size, version }: StoredObject, now: StoredObject): void {
  if (now.size === size && now.version === version) return;
  throw new StorageError(
    `${uri}: the file changed since it was listed (${size} bytes then, ${now.size} now)`,
    { file: uri, hint: 'Run the job again once the data is at rest.' },
  );
}

class LocalReader implements ObjectReader {
  readonly object: StoredObject;
  readonly #fd: number;

  constructor(object: StoredObject, fd: number) {
    this.object = object;
    this.#fd = fd;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    let done = 0;
    while (done < into.byteLength) {
      const position = offset + done;
      const length = Math.min(into.byteLength - done, MOST_BYTES);
      const { bytesRead } = await readFile(this.#fd, into, done, length, position).catch((cause) => {
        throw this.#failed(position, cause);
      });
      if (bytesRead === 0) throw this.#shortened(position, offset + into.byteLength);
      done += bytesRead;
    }
  }

  readSync(offset: number, into: Uint8Array, at: number, length: number): void {
    for (let done = 0; done < length; ) {
      const bytesRead = this.#readSome(into, at + done, length - done, offset + done);
      if (bytesRead === 0) throw this.#shortened(offset + done, offset + length);
      done += bytesRead;
    }
  }

  #readSome(into: Uint8Array, at: number, length: number, position: number): number {
    try {
      return readSync(this.#fd, into, at, Math.min(length, MOST_BYTES), position);
    } catch (cause) {
      throw this.#failed(position, cause);
    }
  }

  #failed(position: number, cause: unknown): StorageError {
    const { uri } = this.object;
    return new StorageError(`${uri}: reading at byte ${position} failed: ${messageOf(cause)}`, {
      file: uri,
      cause,
    });
  }

  #shortened(position: number, end: number): StorageError {
    const { uri } = this.object;
    return new StorageError(`${uri}: ends at byte ${position}, before byte ${end}: it was shortened`, {
      file: uri,
    });
  }

  async close(): Promise<void> {
    await closeFile(this.#fd);
  }
}

function describe(uri: string, stats: Stats): StoredObject {
  return { uri, size: stats.size, version: String(Math.round(stats.mtimeMs * 1000)) };
}

async function statOrUndefined(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new StorageError(`${path}: can't be looked at: ${reasonOf(cause)}`, { file: path, cause });
  }
}

/** A pattern, and the folder in which it is looked for. */
interface SplitPattern {
  readonly folder: string;
  /** With slashes. */
  readonly pattern: string;
}

/** Takes apart what there is and what is a pattern: folders may be called `Downloads (1)` or `[old]`. */
async function splitPattern(uri: string): Promise<SplitPattern> {
  const { root } = parse(uri);
  const names = normalize(uri).slice(root.length).split(sep);
  let folder = root;
  while (names.length > 1) {
    const next = join(folder, names[0] as string);
    if ((await statOrUndefined(next)) === undefined) break;
    folder = next;
    names.shift();
  }
  return { folder, pattern: names.join('/') };
}

/**
 * The files that match a pattern, named from where it starts. What matches and is a directory is not looked into.
 *
 * @throws StorageError where it is no pattern: the file is missing
 */
async function matching(uri: string): Promise<string[]> {
  const { folder, pattern } = await splitPattern(uri);
  if (!isDynamicPattern(pattern)) {
    throw new StorageError(`${uri}: no such file or directory`, { file: uri, hint: RELATIVE });
  }
  const names = await glob(pattern, { cwd: folder || '.', onlyFiles: true, expandDirectories: false });
  return names.map((name) => join(folder, name));
}

/** All files below a directory but those that are, or lie in, something whose name begins with `.` or `_`. */
async function walk(directory: string): Promise<string[]> {
  const names = await glob('**/[!._]*', { cwd: directory, onlyFiles: true, ignore: ['**/_*/**'] });
  return names.map((name) => join(directory, name));
}
