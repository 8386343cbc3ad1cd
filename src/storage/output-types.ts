/** Where outputs go and how that is reached; clonable between threads. */
export interface OutputLocation {
  /** A directory, or the URL of a prefix in remote storage. */
  readonly uri: string;
  /** Options of remote storage (see `services.ts`). Secrets come from the environment. */
  readonly options: Readonly<Record<string, string>>;
}

/** A file of an output directory, as storage describes it. */
export interface OutputFile {
  /** In its folder; of a folder it ends with `/`. */
  readonly name: string;
  /** Bytes; 0 for folders. */
  readonly size: number;
  /** When it was written last, by the clock of the storage: milliseconds since 1970; undefined where that is not told. */
  readonly modified: number | undefined;
}

/**
 * A directory that is written to, wherever it is: only what local file systems and object storage can both do at once or
 * not at all. Names are relative to it, with `/` between folder and file. Everything rejects with a StorageError that
 * names the file.
 */
export interface OutputStore {
  /** As messages name it. */
  readonly uri: string;
  /** Makes the directory where it is not there. */
  prepare(): Promise<void>;
  /** What is in a folder, in any order: '' is the directory itself. Empty where there is no such folder. */
  list(folder: string): Promise<OutputFile[]>;
  /** Undefined where there is no such file. */
  stat(name: string): Promise<OutputFile | undefined>;
  /** All of a small file; undefined where there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /**
   * Writes a file, or replaces it: whoever looks sees the old one, or none, or the new one, whole. The content survives a
   * loss of power once this resolves; for the name, see `settle`.
   */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /**
   * Writes a file where there is none; resolves to false, and leaves all as it is, where there is one. Of many that do so
   * at the same time one succeeds: `bytes` must tell them apart.
   */
  create(name: string, bytes: Uint8Array): Promise<boolean>;
  /** No error where there is none. */
  remove(name: string): Promise<void>;
  /** Files written and removed so far, by anybody, stay so if the power is lost. */
  settle(): Promise<void>;
  /** What the clock of the storage shows, milliseconds since 1970: the one that `modified` is read from. */
  clock(): Promise<number>;
}
