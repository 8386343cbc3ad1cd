/** A file or object as a listing saw it. */
export interface StoredObject {
  /** As messages name it. */
  readonly uri: string;
  readonly size: number;
  /** Changes when the content does: modification time or etag. */
  readonly version: string;
}

/** An opened object. Whoever opens it closes it. */
export interface ObjectReader {
  readonly object: StoredObject;
  /**
   * Fills `into` from `offset` on. Rejects with a StorageError where the object ends before, or reading fails.
   * `into` may lie in shared memory.
   */
  read(offset: number, into: Uint8Array): Promise<void>;
  /**
   * The same, at once, for `length` bytes that go to byte `at` of `into`: there where waiting costs less than letting
   * somebody else wait, as for files in the page cache. The caller's thread sleeps until it is done.
   */
  readSync?(offset: number, into: Uint8Array, at: number, length: number): void;
  close(): Promise<void>;
}
