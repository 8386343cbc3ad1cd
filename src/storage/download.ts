import { type FileHandle, open } from 'node:fs/promises';
import { allOver } from '../util/ahead.js';
import { messageOf, StorageError, UsageError } from '../util/errors.js';
import { Remote } from './remote.js';
import { isAbsence } from './remote-errors.js';
import { bindingOf, checkUnchanged, versionOf } from './remote-reader.js';
import type { StoredObject } from './types.js';
import { keyOf, type Section } from './uri.js';

/** Pieces of a file that is fetched, and how many of them are on their way at the same time. */
const PIECE_BYTES = 8 * 2 ** 20;
const PIECES_AT_ONCE = 8;

/** What is fetched whole, and is reached as the environment says. */
export interface Fetching {
  /** What of the job file names it, for messages. */
  readonly section: Section;
  /** Ends what is under way; what it is aborted with is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/** An object below a folder: `name` is relative to that, with slashes. */
export interface NamedObject {
  readonly name: string;
  readonly object: StoredObject;
}

/**
 * The object that a URL names, as it stands now.
 *
 * @throws StorageError where there is none, or it can't be looked at
 */
export async function remoteObject(uri: string, fetching: Fetching): Promise<StoredObject> {
  const remote = await Remote.connect(uri, {}, fetching);
  const entry = await remote.stat(remote.place.path);
  return { uri, size: entry.size, version: versionOf(entry) };
}

/**
 * All objects below a folder, whatever they are called, by their names; none where there is no such folder.
 *
 * @param folder the URL of the folder, with or without a slash at its end
 * @throws UsageError where the storage has no listings
 */
export async function objectsBelow(folder: string, fetching: Fetching): Promise<NamedObject[]> {
  const remote = await Remote.connect(folder, {}, fetching);
  if (!remote.service.lists) {
    const key = keyOf(fetching.section);
    throw new UsageError(`${key}: ${folder} is a folder, and a web server has no listings`, {
      key,
      hint: 'Name a file, or copy the folder to where it can be listed.',
    });
  }
  const { path } = remote.place;
  const prefix = path === '' || path.endsWith('/') ? path : `${path}/`;
  const entries = await remote.list(prefix).catch((error) => {
    // The services that have folders at all know none of that name.
    if (isAbsence(error)) return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.path.startsWith(prefix) && !entry.path.endsWith('/'))
    .map((entry) => ({
      name: entry.path.slice(prefix.length),
      object: { uri: remote.uriOf(entry.path), size: entry.size, version: versionOf(entry) },
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Fetches all of an object into a new file. Where this rejects the file may be there, with whatever had come.
 *
 * @throws StorageError where the object changed since it was looked at, can't be read, or the file can't be written
 */
export async function download(object: StoredObject, file: string, fetching: Fetching): Promise<void> {
  const { uri, size } = object;
  const remote = await Remote.connect(uri, {}, fetching);
  const etag = bindingOf(remote, object);
  const written = <T>(work: Promise<T>): Promise<T> =>
    work.catch((cause) => {
      throw new StorageError(`${uri}: can't be written to ${file}: ${messageOf(cause)}`, {
        file,
        cause,
        hint: 'Make room there, or name another folder in PENSTOCK_CACHE.',
      });
    });
  const handle = await written(open(file, 'wx'));
  try {
    // At its full size from the start, so that whoever counts what is in the folder counts all of it.
    await written(handle.truncate(size));
    let next = 0;
    const fetchPieces = async (): Promise<void> => {
      const buffer = new Uint8Array(Math.min(PIECE_BYTES, size));
      while (next < size) {
        const at = next;
        const piece = buffer.subarray(0, Math.min(PIECE_BYTES, size - at));
        next += piece.byteLength;
        await remote.read(at, piece, etag).catch((error) => {
          // The others need not go on.
          next = size;
          throw error;
        });
        await written(writeAll(handle, piece, at));
      }
    };
    const all = Array.from({ length: Math.min(PIECES_AT_ONCE, Math.ceil(size / PIECE_BYTES)) }, fetchPieces);
    await allOver(all);
    if (etag === undefined) await checkUnchanged(remote, object);
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, at + done);
    done += bytesWritten;
  }
}
