import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, readdir, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, StorageError } from '../util/errors.js';

/** Temporary files this old were left behind by somebody who died. */
const ABANDONED_MS = 3_600_000;
/** How exactly it is known when a block was last used. */
const USED_MS = 60_000;
/** Looking through the directory leaves this share of it free: what all who share it may write until the next look. */
const ROOM = 1 / 8;
/** The share that one thread may write until it looks again. */
const UNSEEN = 1 / 64;

interface Entry {
  readonly path: string;
  readonly bytes: number;
  readonly usedAt: number;
}

/**
 * Files of blocks that several threads and processes share without talking to each other: a file appears whole, by a
 * rename, and may be gone at any time. When it was last used stands in its modification time.
 */
export class CacheDirectory {
  readonly #dir: string;
  readonly #maxBytes: number;
  /** Written by this thread since it last looked; at first it has not looked yet. */
  #unseenBytes = Number.POSITIVE_INFINITY;
  #evicting: Promise<void> | undefined;
  /** Inodes of the files that were found whole. */
  readonly #checked = new Map<string, number>();

  constructor(dir: string, maxBytes: number) {
    this.#dir = dir;
    this.#maxBytes = maxBytes;
  }

  /** Files lie in 256 folders, by the start of their name. */
  pathOf(name: string): string {
    return join(this.#dir, name.slice(0, 2), name);
  }

  isChecked(path: string, inode: number): boolean {
    return this.#checked.get(path) === inode;
  }

  checked(path: string, inode: number): void {
    this.#checked.set(path, inode);
  }

  /** The file was used now. */
  async used(file: FileHandle): Promise<void> {
    const now = Date.now();
    if (now - (await file.stat()).mtimeMs < USED_MS) return;
    await file.utimes(now / 1000, now / 1000).catch(() => {});
  }

  /**
   * Writes a file, and makes room for it. A disk that is full, or a file that can't be written, is no error: it is not kept.
   *
   * @throws StorageError where there can't be such a directory
   */
  async keep(path: string, parts: readonly Uint8Array[]): Promise<void> {
    await this.#makeFolder(path);
    const temporary = join(this.#dir, `tmp-${process.pid}-${randomUUID()}`);
    try {
      await writeFile(temporary, parts);
      await rename(temporary, path);
    } catch {
      await unlink(temporary).catch(() => {});
      return;
    }
    for (const { byteLength } of parts) this.#unseenBytes += byteLength;
    if (this.#unseenBytes < this.#maxBytes * UNSEEN) return;
    this.#evicting ??= this.#evict()
      // Somebody removes the directory, or may not look into it: what was read is read all the same.
      .catch(() => {})
      .finally(() => {
        this.#evicting = undefined;
      });
    await this.#evicting;
  }

  async #makeFolder(path: string): Promise<void> {
    try {
      await mkdir(join(path, '..'), { recursive: true });
    } catch (cause) {
      throw new StorageError(`source.cache.dir: ${this.#dir} can't be written to: ${messageOf(cause)}`, {
        file: this.#dir,
        cause,
        hint: 'Name a directory that may be written to.',
      });
    }
  }

  /** Removes what was not used for longest, until there is room again. */
  async #evict(): Promise<void> {
    this.#unseenBytes = 0;
    const entries = await this.#entries();
    let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    entries.sort((a, b) => a.usedAt - b.usedAt);
    for (const entry of entries) {
      if (bytes <= this.#maxBytes * (1 - ROOM)) return;
      await unlink(entry.path).catch(() => {});
      this.#checked.delete(entry.path);
      bytes -= entry.bytes;
    }
  }

  async #entries(): Promise<Entry[]> {
    const entries: Entry[] = [];
    const found = await readdir(this.#dir, { recursive: true, withFileTypes: true });
    for (const file of found) {
      if (!file.isFile()) continue;
      const path = join(file.parentPath, file.name);
      // Somebody else may have removed it meanwhile.
      const stats = await stat(path).catch(() => undefined);
      if (stats === undefined) continue;
      const isOurs = /^[0-9a-f]{40}-\d+$/.test(file.name);
      if (isOurs) entries.push({ path, bytes: stats.size, usedAt: stats.mtimeMs });
      else if (file.name.startsWith('tmp-') && Date.now() - stats.mtimeMs > ABANDONED_MS)
        await unlink(path).catch(() => {});
    }
    return entries;
  }
}
