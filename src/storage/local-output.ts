import {
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  stat,
  unlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StorageError } from '../util/errors.js';
import { codeOf, reasonOf } from '../util/system-error.js';
import type { OutputFile, OutputStore } from './output-types.js';
import { storageClock } from './storage-clock.js';
import { temporaryName } from './temporary-name.js';

/*
 * A file is written beside its place under a name of its own, made durable (fsync), and renamed: between any two of these
 * calls there is the old file, or none, and perhaps a temporary one, `.NAME.….tmp`, that nobody looks at and the next run
 * removes. Without the fsync a loss of power could leave the name with a file of zeros behind it; without one of the
 * directory (`settle`) it could take the name back, which only matters where something else says that it is there.
 */
export class LocalOutput implements OutputStore {
  readonly uri: string;

  constructor(directory: string) {
    this.uri = directory;
  }

  async prepare(): Promise<void> {
    await mkdir(this.uri, { recursive: true }).catch((cause) => {
      throw new StorageError(
        `${this.uri}: the output directory can't be made: ${reasonOf(cause, OWN_REASONS)}`,
        {
          file: this.uri,
          hint: 'Check sink.uri and the permissions above it.',
          cause,
        },
      );
    });
  }

  async list(folder: string): Promise<OutputFile[]> {
    const path = join(this.uri, folder);
    const entries = await readdir(path, { withFileTypes: true }).catch((cause) => {
      if (codeOf(cause) === 'ENOENT') return [];
      throw readError(path, cause);
    });
    const files = await Promise.all(
      entries.map(async (entry) => {
        if (entry.isDirectory()) return { name: `${entry.name}/`, size: 0, modified: undefined };
        // It may be gone by now.
        const file = await this.stat(folder === '' ? entry.name : `${folder}/${entry.name}`);
        return file && { ...file, name: entry.name };
      }),
    );
    return files.filter((file) => file !== undefined);
  }

  async stat(name: string): Promise<OutputFile | undefined> {
    const path = join(this.uri, name);
    const stats = await stat(path).catch((cause) => {
      if (codeOf(cause) === 'ENOENT') return undefined;
      throw readError(path, cause);
    });
    return stats && { name, size: stats.size, modified: stats.mtimeMs };
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    const path = join(this.uri, name);
    return readFile(path).catch((cause) => {
      if (codeOf(cause) === 'ENOENT') return undefined;
      throw readError(path, cause);
    });
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    await this.#beside(name, bytes, (temporary, path) => rename(temporary, path));
  }

  async create(name: string, bytes: Uint8Array): Promise<boolean> {
    let created = false;
    await this.#beside(name, bytes, async (temporary, path) => {
      created = await linked(temporary, path, bytes);
      await unlink(temporary);
    });
    return created;
  }

  async remove(name: string): Promise<void> {
    const path = join(this.uri, name);
    await unlink(path).catch((cause) => {
      if (codeOf(cause) !== 'ENOENT') throw writeError(path, cause, 'removed');
    });
  }

  async settle(): Promise<void> {
    // Windows has no such call, and no need of it.
    if (process.platform === 'win32') return;
    const folders = (await this.list('')).filter(({ name }) => name.endsWith('/'));
    for (const { name } of [{ name: '' }, ...folders.filter((folder) => folder.name.startsWith('_'))]) {
      const path = join(this.uri, name);
      await using handle = await open(path, 'r').catch((cause) => {
        throw readError(path, cause);
      });
      await handle.sync().catch((cause) => {
        throw writeError(path, cause);
      });
    }
  }

  clock(): Promise<number> {
    return storageClock(this);
  }

  /** Nothing is left behind where anything fails. */
  async #beside(
    name: string,
    bytes: Uint8Array,
    place: (temporary: string, path: string) => Promise<void>,
  ): Promise<void> {
    const path = join(this.uri, name);
    const temporary = join(dirname(path), temporaryName(name.slice(name.lastIndexOf('/') + 1)));
    try {
      await fill(await this.#openNew(temporary, name), bytes);
      await place(temporary, path);
    } catch (cause) {
      await unlink(temporary).catch(() => {});
      throw writeError(path, cause);
    }
  }

  /** Makes the folder of a file where it is missing, but not the directory itself: that somebody took away. */
  async #openNew(temporary: string, name: string): Promise<FileHandle> {
    try {
      return await open(temporary, 'wx');
    } catch (cause) {
      if (codeOf(cause) !== 'ENOENT' || !name.includes('/')) throw cause;
      await mkdir(dirname(temporary)).catch((error) => {
        if (codeOf(error) !== 'EEXIST') throw error;
      });
      return open(temporary, 'wx');
    }
  }
}

/** Writes all of a file, durably, and closes it. */
async function fill(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  try {
    await handle.writeFile(bytes);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** A link fails where the name is taken, and gives it to a file that is whole. Some file systems have none. */
async function linked(temporary: string, path: string, bytes: Uint8Array): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(cause) ?? '')) throw cause;
  }
  const handle = await open(path, 'wx').catch((cause) => {
    if (codeOf(cause) === 'EEXIST') return undefined;
    throw cause;
  });
  if (handle === undefined) return false;
  await fill(handle, bytes).catch(async (cause) => {
    await unlink(path).catch(() => {});
    throw cause;
  });
  return true;
}

const OWN_REASONS = { ENOENT: 'its directory is gone', EISDIR: 'there is a directory of that name' };

function readError(path: string, cause: unknown): StorageError {
  return new StorageError(`${path}: can't be read: ${reasonOf(cause, OWN_REASONS)}`, { file: path, cause });
}

/** What kept a file from being written, in one sentence, with what to do about it. */
export function writeError(path: string, cause: unknown, doing = 'written'): StorageError {
  const code = codeOf(cause);
  const resumes = 'run the same job again: what is written stays, and only the rest is done.';
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const full = code === 'ENOSPC' ? 'the disk is full' : 'the quota of disk space is used up';
    return new StorageError(`${path}: ${full}`, {
      file: path,
      hint: `Free some space and ${resumes}`,
      cause,
    });
  }
  const denied = ['EACCES', 'EPERM', 'EROFS'].includes(code ?? '');
  return new StorageError(`${path}: can't be ${doing}: ${reasonOf(cause, OWN_REASONS)}`, {
    file: path,
    ...(denied && { hint: `Make the directory writable for this user and ${resumes}` }),
    cause,
  });
}
