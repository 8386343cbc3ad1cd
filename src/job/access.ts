import type { StorageAccess } from '../storage/access.js';
import type { SourceSpec } from './schema.js';

/** How the storage of a source is reached. */
export function accessOf({ storage, cache }: Pick<SourceSpec, 'storage' | 'cache'>): StorageAccess {
  return cache === undefined ? { options: storage } : { options: storage, cache };
}
