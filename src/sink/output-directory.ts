import type { OutputStore } from '../storage/output-types.js';
import { type PenstockError, StorageError } from '../util/errors.js';
import { Lease } from './lease.js';
import { makeReady } from './make-ready.js';
import { checkOwner, committedParts, entriesIn, type Head, look, sizesOf } from './output-content.js';
import { entryFile, MANIFEST, SUCCESS } from './output-files.js';
import type { OutputShare, Part } from './types.js';

/*
 * What is on storage, and what it means, between any two calls (a run may be killed there, or the power lost):
 *
 * claim   1  look: is it ours?           Nothing is written where it is not.
 *         2  create the lease            Killed: only leases, of processes that are gone; the next run takes over.
 *         3  look again                  Somebody may have been here between 1 and 2.
 *         4  remove `_SUCCESS`           Where parts are missing, or --overwrite. First of all: never does it stand beside less
 *                                        than all parts of one job.
 *         5  remove void entries         Of parts that are gone, or all with --overwrite. The parts are then left over.
 *         6  write the head              At a new output, or with --overwrite: before it the directory is still the old
 *                                        job's, without entries; after it the new one's. No part is without a head.
 *         7  settle                      What 4 to 6 did survives a loss of power, before parts follow.
 *         8  remove what is left over    Parts, letters and temporary files without an entry. Killed: the next run does it.
 *
 *         A shard's run does all this to the parts of its own splits alone: others may be at work beside it. So it
 *         creates the head, where there is none: of two jobs that begin at the same time, one finds the other's.
 *
 * a part  1  write its dead letters      Letters without a part: left over.
 *  (the   2  write the part              A part without an entry: left over, made again.
 *  sink)
 *  (here) 3  confirm the lease           Whoever has lost it commits nothing.
 *         4  write its entry             Committed. An entry is trusted only where the part is there with its size: so
 *                                        it does not matter which of 2 and 4 a loss of power takes back.
 *
 * success 1  look: are all parts there?  Somebody may have removed one, or written over it. A shard's run looks for those of
 *                                        all shards, and ends here where some are missing. It has entered its own before,
 *                                        as all others have: so whoever comes last finds them all. Entries first, then
 *                                        parts: what is entered later, its own run finds.
 *         2  confirm the lease, settle   All names survive from here on.
 *         3  write `_SUCCESS`, settle    Killed before: the next run finds all parts and does just this.
 *
 * release 1  the lease says `released`   Killed before: the process is gone, see lease.ts.
 */

/**
 * A job's output directory, local or remote: parts, their manifest, and at the end `_SUCCESS` (see `output-files.ts`). While
 * a run is at work, its lease keeps others out.
 */
export class OutputDirectory {
  readonly uri: string;
  readonly store: OutputStore;
  /** Parts that an earlier run of the same job has committed, by ordinal. */
  readonly committed: ReadonlyMap<number, Part>;
  readonly #head: Head;
  readonly #share: OutputShare | undefined;
  readonly #lease: Lease;
  readonly #parts = new Map<number, Part>();
  readonly #recording = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  private constructor(
    store: OutputStore,
    head: Head,
    share: OutputShare | undefined,
    lease: Lease,
    committed: readonly Part[],
  ) {
    this.uri = store.uri;
    this.store = store;
    this.#head = head;
    this.#share = share;
    this.#lease = lease;
    this.committed = new Map(committed.map((part) => [part.ordinal, part]));
    for (const part of committed) this.#parts.set(part.ordinal, part);
  }

  /**
   * Takes the directory for one run: makes it where it is not there, keeps others out, and finds what to resume.
   *
   * @param share the part of it that the run makes; undefined: all
   * @throws UsageError where it holds another job's output, or files that are not ours; InUseError where another run is at
   *   work on it, or on the same part of it
   */
  static async claim(
    store: OutputStore,
    head: Head,
    overwrite: boolean,
    share?: OutputShare,
  ): Promise<OutputDirectory> {
    if (!overwrite) await checkOwner(store, await look(store), head);
    await store.prepare();
    const lease = await Lease.take(store, share);
    try {
      const content = await look(store);
      if (!overwrite) await checkOwner(store, content, head);
      const anew = overwrite || !content.hasHead;
      const entries = entriesIn(content.manifest, head);
      const own = share === undefined ? entries : entries.filter((ordinal) => share.ordinals.has(ordinal));
      const parts = anew ? [] : await committedParts(store, own, content.files);
      await makeReady(store, content, { head, parts, share, anew });
      return new OutputDirectory(store, head, share, lease, parts);
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  /** Calls back where another run takes the directory over: whatever is done from then on is in vain. */
  onLost(callback: (error: PenstockError) => void): void {
    this.#lease.onLost(callback);
  }

  /** Enters a part that is in its place into the manifest: then it is committed. */
  record(part: Part): Promise<void> {
    const recorded = this.#record(part)
      .catch((error: unknown) => {
        this.#failure ??= { error };
        throw error;
      })
      .finally(() => this.#recording.delete(recorded));
    this.#recording.add(recorded);
    // Whoever calls `succeed` or awaits the result hears of a failure.
    recorded.catch(() => {});
    return recorded;
  }

  async #record(part: Part): Promise<void> {
    await this.#lease.confirm();
    await this.store.write(entryFile(part.ordinal), Buffer.from(`${JSON.stringify(part)}\n`));
    this.#parts.set(part.ordinal, part);
  }

  /** All parts of this run are committed: where so are all others, writes the marker that says so. */
  async succeed(): Promise<void> {
    await Promise.allSettled(this.#recording);
    if (this.#failure !== undefined) throw this.#failure.error;
    await this.#lease.confirm();
    if (!(await this.#isComplete())) return;
    // That may have taken a while.
    await this.#lease.confirm();
    await this.store.settle();
    await this.store.write(SUCCESS, new Uint8Array(0));
    await this.store.settle();
  }

  /** @throws StorageError where parts of this run are gone */
  async #isComplete(): Promise<boolean> {
    const manifest = this.#share === undefined ? [] : await this.store.list(MANIFEST);
    const files = await this.store.list('');
    const sizes = sizesOf(files);
    const missing = [...this.#parts.values()].find(({ file, bytes }) => sizes.get(file) !== bytes);
    if (missing !== undefined) {
      throw new StorageError(
        `${this.uri}/${missing.file}: was removed, or written over, while the run was at work`,
        { file: `${this.uri}/${missing.file}`, hint: 'Run the same job again: it makes the part again.' },
      );
    }
    if (this.#share === undefined) return true;
    const left = this.#head.splits - this.#parts.size;
    const others = entriesIn(manifest, this.#head).filter((ordinal) => !this.#parts.has(ordinal));
    return others.length === left && (await committedParts(this.store, others, files)).length === left;
  }

  /** Lets others in. What was committed stays. */
  async release(): Promise<void> {
    await Promise.allSettled(this.#recording);
    await this.#lease.release();
  }
}
