import { listLocal, openLocal } from './local.js';
import type { ObjectReader, StoredObject } from './types.js';

/** How storage is reached; clonable between threads. */
export interface StorageAccess {
  /** Options of remote storage, such as endpoint and region. Secrets come from the environment. */
  readonly options: Readonly<Record<string, string>>;
}

/** What local files need. */
export const PLAIN_ACCESS: StorageAccess = { options: {} };

/**
 * The objects that a source names: one, all below a directory or prefix, or those that match a glob; sorted by name.
 *
 * @throws StorageError where nothing is there
 */
export function listObjects(uri: string, _access: StorageAccess): Promise<StoredObject[]> {
  return listLocal(uri);
}

/** Opens an object that was listed; a StorageError where it changed since. */
export function openObject(object: StoredObject, _access: StorageAccess): Promise<ObjectReader> {
  return openLocal(object);
}
