import type { CacheOptions } from './cache.js';

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
