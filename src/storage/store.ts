import { type CacheOptions, cached } from './cache.js';
import { listLocal, openLocal } from './local.js';
import { prefetched } from './prefetch.js';
import { listRemote } from './remote-listing.js';
import { openRemote } from './remote-reader.js';
import { readingAhead } from './sequential.js';
import type { ObjectReader, StoredObject } from './types.js';
import { isRemote } from './uri.js';

/** How storage is reached; clonable between threads. */
export interface StorageAccess {
  /**
   * Options of remote storage, such as endpoint and region (see `services.ts`); `timeout`: seconds that a request may go
   * without a sign of life; `retries`: how often one that failed is tried again. Secrets come from the environment.
   */
  readonly options: Readonly<Record<string, string>>;
  /** Where blocks of remote objects are kept; nowhere, where it is left out. */
  readonly cache?: CacheOptions;
}

/** What local files need. */
export const PLAIN_ACCESS: StorageAccess = { options: {} };

/**
 * The objects that a source names: one, all below a directory or prefix, or those that match a glob; sorted by name.
 *
 * @throws StorageError where nothing is there
 */
export function listObjects(uri: string, { options }: StorageAccess): Promise<StoredObject[]> {
  return isRemote(uri) ? listRemote(uri, options) : listLocal(uri);
}

/**
 * Opens an object that was listed; a StorageError where it changed since.
 *
 * @param signal ends what is under way; what it is aborted with is thrown
 */
export async function openObject(
  object: StoredObject,
  { options, cache }: StorageAccess,
  signal?: AbortSignal,
): Promise<ObjectReader> {
  if (!isRemote(object.uri)) return openLocal(object);
  const reader = await openRemote(object, options, signal);
  return prefetched(cache === undefined ? readingAhead(reader) : cached(reader, cache));
}

export { remoteStorageAtRest } from './opendal.js';
