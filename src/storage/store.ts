import type { StorageAccess } from './access.js';
import { listLocal, openLocal } from './local.js';
import { listRemote } from './remote-listing.js';
import type { ObjectReader, StoredObject } from './types.js';
import { isRemote } from './uri.js';

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
  access: StorageAccess,
  signal?: AbortSignal,
): Promise<ObjectReader> {
  if (!isRemote(object.uri)) return openLocal(object);
  // Loaded on first use: threads that read local files start sooner without it.
  const { openRemoteObject } = await import('./remote-object.js');
  return openRemoteObject(object, access, signal);
}

export { remoteStorageAtRest } from './opendal.js';
