import type { StoredObject } from '../storage/types.js';
import { DataError, PenstockError } from '../util/errors.js';

/** The error for a file that is not as it says it is; `cause` itself where that says so already. */
export function corrupt({ uri }: StoredObject, what: string, cause?: unknown): PenstockError {
  if (cause instanceof PenstockError) return cause;
  return new DataError(`${uri}: is damaged: ${what}`, { file: uri, cause, hint: 'Copy or write it again.' });
}

/** The error for one that ends too early. */
export function truncated({ uri }: StoredObject, what: string): DataError {
  return new DataError(`${uri}: is truncated: ${what}`, { file: uri, hint: 'Copy or write it again.' });
}

/** The error for something that the format has, and this version does not read. */
export function unsupported({ uri }: StoredObject, what: string, hint: string, column?: string): DataError {
  return new DataError(`${uri}: ${what}`, { file: uri, hint, ...(column === undefined ? {} : { column }) });
}
