import type { StorageAccess } from './access.js';
import { cached } from './cache.js';
import { prefetched } from './prefetch.js';
import { openRemote } from './remote-reader.js';
import { readingAhead } from './sequential.js';
import type { ObjectReader, StoredObject } from './types.js';

/** Opens a remote object so that what will be asked for next is on its way, and what was read is kept where there is a cache. */
export async function openRemoteObject(
  object: StoredObject,
  { options, cache }: StorageAccess,
  signal: AbortSignal | undefined,
): Promise<ObjectReader> {
  const reader = await openRemote(object, options, signal);
  return prefetched(cache === undefined ? readingAhead(reader) : cached(reader, cache));
}
