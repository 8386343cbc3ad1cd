import { mkdtemp, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openOutput } from '../storage/output.js';
import type { OutputLocation } from '../storage/output-types.js';
import { isRemote } from '../storage/uri.js';
import { messageOf, StorageError } from '../util/errors.js';

/** Bytes that one run may write. */
const MOST_BYTES = 2 * 2 ** 30;
const NAME = '.penstock-bench-';

/**
 * A temporary directory beside a job's output, on the same disk; in remote storage, a prefix. Whoever makes it disposes
 * of it.
 */
export class Scratch implements AsyncDisposable {
  readonly #location: OutputLocation;
  #made = 0;

  private constructor(location: OutputLocation) {
    this.#location = location;
  }

  /** @throws StorageError where nothing can be written there */
  static async beside({ uri, options }: OutputLocation): Promise<Scratch> {
    if (isRemote(uri)) {
      const parent = uri.replace(/\/+$/, '').replace(/[^/]*$/, '');
      return new Scratch({ uri: `${parent}${NAME}${process.pid}-${Date.now()}`, options });
    }
    const parent = await existing(dirname(uri));
    try {
      return new Scratch({ uri: await mkdtemp(join(parent, NAME)), options });
    } catch (cause) {
      throw new StorageError(
        `${parent}: no temporary directory can be made beside sink.uri: ${messageOf(cause)}`,
        {
          file: parent,
          key: 'sink.uri',
          hint: 'Name a sink.uri where you may write, or measure without it: --set sink.format=none.',
          cause,
        },
      );
    }
  }

  /** Where it is on a local disk. */
  get path(): string | undefined {
    const { uri } = this.#location;
    return isRemote(uri) ? undefined : uri;
  }

  /** The location of a new directory in it. */
  directory(): string {
    const name = String(this.#made++);
    const { uri } = this.#location;
    return isRemote(uri) ? `${uri}/${name}` : join(uri, name);
  }

  /** Removes a directory and all that is in it. */
  async remove(uri: string): Promise<void> {
    if (!isRemote(uri)) {
      await rm(uri, { recursive: true, force: true });
      return;
    }
    const store = await openOutput({ ...this.#location, uri });
    const folders = [''];
    for (const folder of folders) {
      for (const { name } of await store.list(folder)) {
        const path = folder === '' ? name : `${folder}/${name}`;
        if (path.endsWith('/')) folders.push(path.slice(0, -1));
        else await store.remove(path);
      }
    }
  }

  /** Bytes that a run may write: a quarter of what is free, and no more than 2 GiB. */
  async room(): Promise<number> {
    if (this.path === undefined) return MOST_BYTES;
    const { bavail, bsize } = await statfs(this.path);
    return Math.min(MOST_BYTES, (bavail * bsize) / 4);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove(this.#location.uri);
  }
}

/** The nearest directory on the way up that is there. */
async function existing(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    const stats = await stat(at).catch(() => undefined);
    if (stats?.isDirectory() || at === dirname(at)) return at;
  }
}
