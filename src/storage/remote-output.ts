import { setTimeout as sleep } from 'node:timers/promises';
import type { RemoteEntry } from './opendal.js';
import type { OutputFile, OutputStore } from './output-types.js';
import { Remote } from './remote.js';
import { faultIn, isAbsence } from './remote-errors.js';
import { storageClock } from './storage-clock.js';

/**
 * How long a file that was created must have stood before it counts, milliseconds, where storage does not exclude others
 * by itself: longer than between looking that there is none and having written one.
 */
const SETTLE_MS = 2000;
const NOT_IMPLEMENTED = 501;

/**
 * A prefix in object storage. A single PUT, or the request that completes an upload in pieces, replaces an object at once;
 * nothing is ever renamed, or appended to.
 */
export class RemoteOutput implements OutputStore {
  readonly uri: string;
  readonly #remote: Remote;
  /** Of the directory: ends with `/`, or is empty for a whole bucket. */
  readonly #prefix: string;
  readonly #settleMs: number;
  /** Whether storage keeps its word about objects that are to be written only where there is none; unknown at first. */
  #excludes: boolean | undefined;

  private constructor(uri: string, remote: Remote, settleMs: number) {
    this.uri = uri;
    this.#remote = remote;
    this.#settleMs = settleMs;
    const path = remote.place.path.replace(/\/+$/, '');
    this.#prefix = path === '' ? '' : `${path}/`;
    if (!remote.service.writesIfAbsent) this.#excludes = false;
  }

  static async connect(
    uri: string,
    options: Readonly<Record<string, string>>,
    settleMs = SETTLE_MS,
  ): Promise<RemoteOutput> {
    return new RemoteOutput(uri, await Remote.connect(uri, options, { section: 'sink' }), settleMs);
  }

  async prepare(): Promise<void> {}

  async list(folder: string): Promise<OutputFile[]> {
    const prefix = folder === '' ? this.#prefix : `${this.#prefix}${folder}/`;
    const entries = await this.#remote.listFolder(prefix).catch((error) => {
      // The services that have folders at all know none of that name.
      if (isAbsence(error) && folder !== '') return [];
      throw error;
    });
    return entries.map((entry) => describe(entry.path.slice(prefix.length), entry));
  }

  async stat(name: string): Promise<OutputFile | undefined> {
    return orUndefined(this.#remote.stat(this.#prefix + name).then((entry) => describe(name, entry)));
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    return orUndefined(this.#remote.readAll(this.#prefix + name));
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    await this.#remote.write(this.#prefix + name, bytes);
  }

  async create(name: string, bytes: Uint8Array): Promise<boolean> {
    if (this.#excludes !== false) {
      const created = await this.#createExclusively(name, bytes);
      if (created !== undefined) return created;
    }
    // Storage that takes no conditions, or says so and then overwrites. Of several that write at the same time the last
    // one wins; that can be told once whoever might have looked before has written too.
    if ((await this.stat(name)) !== undefined && !(await this.#holds(name, bytes))) return false;
    await this.write(name, bytes);
    await sleep(this.#settleMs);
    return this.#holds(name, bytes);
  }

  /** Undefined where storage turns out not to exclude. */
  async #createExclusively(name: string, bytes: Uint8Array): Promise<boolean | undefined> {
    const path = this.#prefix + name;
    try {
      // A request that was made again finds what it has written itself.
      if (!(await this.#remote.writeIfAbsent(path, bytes))) return await this.#holds(name, bytes);
      // The same again must fail: many servers that speak a dialect of S3 pass over conditions that they do not know.
      this.#excludes ??= !(await this.#remote.writeIfAbsent(path, bytes));
      return this.#excludes ? true : undefined;
    } catch (error) {
      if (faultIn(error)?.status !== NOT_IMPLEMENTED) throw error;
      this.#excludes = false;
      return undefined;
    }
  }

  async #holds(name: string, bytes: Uint8Array): Promise<boolean> {
    const there = await this.read(name);
    return there !== undefined && Buffer.compare(there, bytes) === 0;
  }

  async remove(name: string): Promise<void> {
    await this.#remote.delete(this.#prefix + name);
  }

  /** What a request was answered for is durable. */
  async settle(): Promise<void> {}

  clock(): Promise<number> {
    return storageClock(this);
  }
}

function describe(name: string, { size, lastModified }: RemoteEntry): OutputFile {
  const modified = lastModified === undefined ? undefined : Date.parse(lastModified);
  return { name, size, modified };
}

async function orUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  return work.catch((error) => {
    if (isAbsence(error)) return undefined;
    throw error;
  });
}
