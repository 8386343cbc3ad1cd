import { createHash, randomBytes, randomUUID } from 'node:crypto';
import {
  access,
  constants,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { inOrder } from '../util/ahead.js';
import { asPenstockError, messageOf, StorageError } from '../util/errors.js';
import type { NamedObject } from './download.js';
import { exclusively } from './file-lock.js';
import type { StoredObject } from './types.js';
import type { CachePlace } from './user-cache.js';

/*
 * Files that belong together, such as a model and its weights, kept on a local disk for all threads and processes that can
 * write to it. What was fetched is a folder of its own that appears whole, by a rename, and is never changed:
 *
 *   <id of the URL>-<random>/kept.json      what it is; its modification time tells when it was last used
 *   <id of the URL>-<random>/files/…        the files
 *   tmp-…/                                  on its way in, or out
 *   <id of the URL>.lock                    somebody fetches it
 *
 * Whoever uses one says so every minute; what was used within five is not removed to make room for others.
 */
const USED_EVERY_MS = 60_000;
const IN_USE_MS = 5 * USED_EVERY_MS;

/** Files of one folder that are fetched at the same time: those of many are small. */
const FILES_AT_ONCE = 4;

const ABOUT = 'kept.json';
const FILES = 'files';
/** The nearest package.json decides what a .js is: an ES module, which is what all code is that we fetch. */
const PACKAGE = 'package.json';
const ENTRY = /^[0-9a-f]{16}-[0-9a-f]{12}$/;

const aboutSchema = z.strictObject({
  v: z.literal(1),
  uri: z.string(),
  /** The one that the URL names, as its name in `files`; empty where that is all of them. */
  main: z.string(),
  /** Of all of them, as whoever keeps them here understands it. */
  digest: z.string(),
  objects: z.array(
    z.strictObject({ name: z.string(), uri: z.string(), size: z.number(), version: z.string() }),
  ),
});

/** What is known of files that are kept. */
export type AboutKept = Readonly<z.output<typeof aboutSchema>>;

/** Files on their way into the cache. */
export interface Draft {
  /** Where they are put together. */
  readonly folder: string;
  /**
   * Adds files.
   *
   * @param bring writes one to a path, whose folder is there and which is not
   */
  add(
    objects: readonly NamedObject[],
    bring: (object: StoredObject, file: string) => Promise<void>,
  ): Promise<void>;
}

/** Files that are used, and so are not removed meanwhile. */
export interface HeldFiles extends Disposable {
  /** The file that the URL named, or the folder. */
  readonly path: string;
}

/** Folders of files that were fetched, by the URL that they came from. */
export class FolderCache {
  readonly #dir: string;
  readonly #maxBytes: number;

  constructor({ dir, maxBytes }: CachePlace) {
    this.#dir = join(dir, 'artifacts');
    this.#maxBytes = maxBytes;
  }

  /** What is kept of a URL, the newest first. */
  async find(uri: string): Promise<Kept[]> {
    const names = await readdir(this.#dir).catch(() => []);
    const own = names.filter((name) => ENTRY.test(name) && name.startsWith(`${idOf(uri)}-`));
    const found = await Promise.all(own.map((name) => this.#read(name)));
    return found
      .filter((kept) => kept !== undefined)
      .filter(({ about }) => about.uri === uri)
      .sort((a, b) => b.keptAt - a.keptAt);
  }

  /** Does what others do not do for the same URL meanwhile, in whatever process: see `exclusively`. */
  async exclusively<T>(uri: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    await this.#makeFolder();
    return exclusively(join(this.#dir, `${idOf(uri)}.lock`), signal, work);
  }

  /**
   * Keeps what `fill` brings, and makes room for it.
   *
   * @param fill returns what the URL names among it, empty for all of it, and its digest
   * @throws StorageError where it is more than the cache may take, or the disk has no room
   */
  async keep(
    uri: string,
    fill: (draft: Draft) => Promise<Pick<AboutKept, 'main' | 'digest'>>,
  ): Promise<Kept> {
    await this.#makeFolder();
    const temporary = join(this.#dir, `tmp-${process.pid}-${randomUUID()}`);
    const folder = join(temporary, FILES);
    const objects: AboutKept['objects'] = [];
    const alive = setInterval(() => void touch(temporary), USED_EVERY_MS);
    alive.unref();
    try {
      await mkdir(folder, { recursive: true });
      const result = await fill({
        folder,
        add: async (some, bring) => {
          for (const { name, object } of some) objects.push({ name: checked(name, object.uri), ...object });
          const sizeOf = (of: readonly { readonly size: number }[]): number =>
            of.reduce((sum, { size }) => sum + size, 0);
          await this.#makeRoom(uri, sizeOf(objects), sizeOf(some.map(({ object }) => object)));
          const brought = inOrder(some, FILES_AT_ONCE, async ({ name, object }) => {
            const file = join(folder, name);
            await mkdir(dirname(file), { recursive: true });
            await bring(object, file);
          });
          for await (const _ of brought);
        },
      });
      const about: AboutKept = { v: 1, uri, objects, ...result };
      await writeFile(join(temporary, PACKAGE), '{ "type": "module" }\n');
      await writeFile(join(temporary, ABOUT), JSON.stringify(about));
      const name = `${idOf(uri)}-${randomBytes(6).toString('hex')}`;
      await rename(temporary, join(this.#dir, name));
      return new Kept(join(this.#dir, name), about, Date.now());
    } catch (error) {
      await rm(temporary, { recursive: true, force: true }).catch(() => {});
      throw asPenstockError(error, (cause) => this.#unwritable(cause));
    } finally {
      clearInterval(alive);
    }
  }

  /** Removes what turned out to be damaged. */
  async remove(kept: Kept): Promise<void> {
    await this.#discard(kept.place);
  }

  async #read(name: string): Promise<Kept | undefined> {
    const place = join(this.#dir, name);
    try {
      const file = join(place, ABOUT);
      const [text, { birthtimeMs }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
      return new Kept(place, aboutSchema.parse(JSON.parse(text)), birthtimeMs);
    } catch {
      // It is being removed, or was kept by another version.
      return undefined;
    }
  }

  async #makeFolder(): Promise<void> {
    try {
      // Code is run from there: nobody else has any business in it.
      await mkdir(this.#dir, { recursive: true, mode: 0o700 });
      await access(this.#dir, constants.W_OK);
    } catch (cause) {
      throw this.#unwritable(cause);
    }
  }

  #unwritable(cause: unknown): StorageError {
    return new StorageError(`${this.#dir}: what is fetched can't be kept there: ${messageOf(cause)}`, {
      file: this.#dir,
      cause,
      hint: 'Name a folder that may be written to, and has room, in PENSTOCK_CACHE.',
    });
  }

  /**
   * Removes what was not used for longest until so many bytes more have room.
   *
   * @param all bytes of what they are a part of
   */
  async #makeRoom(uri: string, all: number, more: number): Promise<void> {
    if (all > this.#maxBytes) {
      throw new StorageError(`${uri}: has ${all} bytes or more, and the cache takes ${this.#maxBytes}`, {
        file: this.#dir,
        hint: 'Set PENSTOCK_CACHE_BYTES in the environment to more.',
      });
    }
    const entries = await this.#entries();
    let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    const now = Date.now();
    const idle = entries.filter(({ usedAt }) => now - usedAt > IN_USE_MS).sort((a, b) => a.usedAt - b.usedAt);
    for (const entry of idle) {
      if (bytes + more <= this.#maxBytes) return;
      await this.#discard(entry.path);
      bytes -= entry.bytes;
    }
  }

  async #entries(): Promise<{ readonly path: string; readonly bytes: number; readonly usedAt: number }[]> {
    const entries = [];
    for (const name of await readdir(this.#dir)) {
      const isEntry = ENTRY.test(name);
      if (!isEntry && !name.startsWith('tmp-')) continue;
      const path = join(this.#dir, name);
      // Somebody else may have removed it meanwhile.
      const stats = await stat(isEntry ? join(path, ABOUT) : path).catch(() =>
        stat(path).catch(() => undefined),
      );
      if (stats !== undefined) entries.push({ path, bytes: await bytesBelow(path), usedAt: stats.mtimeMs });
    }
    return entries;
  }

  /** Out of everybody's sight at once, then from the disk. */
  async #discard(place: string): Promise<void> {
    const temporary = join(this.#dir, `tmp-${process.pid}-${randomUUID()}`);
    try {
      await rename(place, temporary);
      await rm(temporary, { recursive: true, force: true });
    } catch {
      // Somebody else removes it, or nobody can.
    }
  }
}

/** What is kept of a URL. */
export class Kept {
  readonly place: string;
  readonly about: AboutKept;
  /** When it came in, milliseconds. */
  readonly keptAt: number;

  constructor(place: string, about: AboutKept, keptAt: number) {
    this.place = place;
    this.about = about;
    this.keptAt = keptAt;
  }

  /** Says that it is used until that is disposed of; undefined where it is gone, or not whole. */
  async hold(): Promise<HeldFiles | undefined> {
    const about = join(this.place, ABOUT);
    await touch(about);
    if (!(await this.#isWhole())) return undefined;
    const timer = setInterval(() => void touch(about), USED_EVERY_MS);
    timer.unref();
    return {
      path: join(this.place, FILES, this.about.main),
      [Symbol.dispose]: () => clearInterval(timer),
    };
  }

  async #isWhole(): Promise<boolean> {
    const isThere = async ({ name, size }: AboutKept['objects'][number]): Promise<boolean> =>
      (await stat(join(this.place, FILES, name)).catch(() => undefined))?.size === size;
    return (await Promise.all(this.about.objects.map(isThere))).every(Boolean);
  }
}

const idOf = (uri: string): string => createHash('sha256').update(uri).digest('hex').slice(0, 16);

/** Names come from elsewhere: from listings, and out of models. */
function checked(name: string, uri: string): string {
  const parts = name.split('/');
  const isPlain = (part: string): boolean => !['', '.', '..'].includes(part) && !/[\\\0]/.test(part);
  if (parts.every(isPlain)) return name;
  throw new StorageError(`${uri}: ${JSON.stringify(name)} is no name for a file here`, { file: uri });
}

async function touch(path: string): Promise<void> {
  const now = Date.now() / 1000;
  await utimes(path, now, now).catch(() => {});
}

async function bytesBelow(folder: string): Promise<number> {
  let bytes = 0;
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const file of files) {
    if (file.isFile())
      bytes += (await stat(join(file.parentPath, file.name)).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}
