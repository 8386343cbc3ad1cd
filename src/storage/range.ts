import { StorageError } from '../util/errors.js';
import type { StoredObject } from './types.js';

/** @throws StorageError where an object ends before the bytes that are asked for do */
export function checkRange({ uri, size }: StoredObject, offset: number, length: number): void {
  const end = offset + length;
  if (offset >= 0 && end <= size) return;
  throw new StorageError(`${uri}: ends at byte ${size}, before byte ${end}`, { file: uri });
}
