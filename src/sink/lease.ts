import { now } from '../clock/now.js';
import type { Shard } from '../dataset/shard.js';
import type { OutputStore } from '../storage/output-types.js';
import { inOrder } from '../util/ahead.js';
import { StorageError } from '../util/errors.js';
import {
  contentOf,
  described,
  HEARTBEAT_MS,
  type Holder,
  inUse,
  newHolder,
  readHolder,
  stateOf,
} from './lease-holder.js';
import { type LeaseName, leaseFile, leaseIn, MANIFEST } from './output-files.js';

/*
 * One run at a time writes to an output, wherever it is and on whatever machine it runs; or several, each of which writes
 * the parts of its own shard. Runs are of a kind: whole ones, and those of each shard of each count.
 *
 * The lease of a kind is the file with the highest number N: `lease-N.json` of whole runs, `lease-IofC-N.json` of the
 * runs of shard I of C. Whoever may take it over (there is none, it was let go of, or its holder is dead) creates N + 1,
 * which only one can: storage decides. Then it removes those below. Nobody but its holder ever writes a lease file again:
 * it does so every 10 seconds, its heartbeat, and when it lets go. It is not removed then, but says `released`, so that
 * no number is ever used twice.
 *
 * Some kinds exclude each other: whole runs all others, shards those of other counts. So before it creates a lease, a run
 * looks whether one of these is held; and once more when it has. Of two that do so at the same time at least one sees the
 * other, and withdraws: its lease says `released`. Where one of these is not held, but was not let go of either, N + 1 is
 * created in its place, which says `released` from the start: so its holder, should it live after all, finds out as it
 * would of a successor.
 *
 * A holder is dead when its process has ended for certain (it ran on this machine), or when its file was not written for
 * 30 seconds, by the clock of the storage, which both sides see. A live one that storage could not be reached from, or
 * that was suspended, may so be taken for dead. It finds a higher number, or another's content in its own, with its next
 * heartbeat, which it does before it commits anything once 20 seconds have passed since the last. What it may still do
 * is finish a request that was under way: put a part or its entry in place a second time. That harms nobody: it is the
 * same part of the same job, and one whose size is not what its entry says is made again.
 */

/** The holder itself doubts it before others do. */
const DOUBT_MS = 2 * HEARTBEAT_MS;

/** Leases that are looked at at the same time. */
const LOOKS_AT_ONCE = 64;

/** The right to write to an output, or to a shard's parts of it. Whoever takes it releases it. */
export class Lease {
  readonly #store: OutputStore;
  readonly #name: LeaseName;
  readonly #holder: Holder;
  readonly #timer: NodeJS.Timeout;
  /** Microseconds. */
  #renewedAt: number;
  #beat: Promise<void> | undefined;
  #lost: StorageError | undefined;
  #onLost: (error: StorageError) => void = () => {};

  private constructor(store: OutputStore, name: LeaseName, holder: Holder, takenAt: number) {
    this.#store = store;
    this.#name = name;
    this.#holder = holder;
    this.#renewedAt = takenAt;
    // One that fails is tried again with the next, or before a part is committed.
    this.#timer = setInterval(() => void this.#renew().catch(() => {}), HEARTBEAT_MS);
    this.#timer.unref();
  }

  /**
   * @param shard undefined: of the whole output
   * @throws InUseError where another run is at work there
   */
  static async take(store: OutputStore, shard?: Shard): Promise<Lease> {
    const takenAt = now();
    const before = await leasesOf(store);
    const own = numbersOf(before, shard);
    const last = own.at(-1) ?? 0;
    const rivals = lastOfEach(before.filter((lease) => excludes(lease.shard, shard)));
    await checkFree(store, last === 0 ? rivals : [{ number: last, shard }, ...rivals]);

    const name = { number: last + 1, shard };
    const holder = newHolder();
    if (!(await store.create(leaseFile(name.number, shard), contentOf(holder)))) {
      throw inUse(store, shard, await readHolder(store, name));
    }
    const after = await leasesOf(store);
    // Others may have come and gone since the list was made, and removed what we have just created once more.
    const higher = numbersOf(after, shard).find((number) => number > name.number);
    if (higher !== undefined) {
      await store.remove(leaseFile(name.number, shard));
      throw inUse(store, shard, await readHolder(store, { number: higher, shard }));
    }
    const lease = new Lease(store, name, holder, takenAt);
    try {
      const rivalsNow = after.filter((other) => excludes(other.shard, shard));
      await fenceOff(store, rivalsNow);
      for (const number of own) await store.remove(leaseFile(number, shard));
      return lease;
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  /** Calls back, once, when it is found out that another run has taken over; at once where that is known. */
  onLost(callback: (error: StorageError) => void): void {
    this.#onLost = callback;
    if (this.#lost !== undefined) callback(this.#lost);
  }

  /** Resolves where it is still ours: to be awaited before anything is committed. */
  async confirm(): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost;
    if (now() - this.#renewedAt > DOUBT_MS * 1000) await this.#renew();
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beat?.catch(() => {});
    if (this.#lost !== undefined) return;
    // A full disk has no room for that; where nothing can be said at all, the lease ends with the process, or after a while.
    await this.#write({ ...this.#holder, released: true })
      .catch(() => this.#store.remove(this.#file))
      .catch(() => {});
  }

  #renew(): Promise<void> {
    this.#beat ??= this.#heartbeat().finally(() => {
      this.#beat = undefined;
    });
    return this.#beat;
  }

  async #heartbeat(): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost;
    const startedAt = now();
    const [next, own] = await Promise.all([
      readHolder(this.#store, { ...this.#name, number: this.#name.number + 1 }),
      readHolder(this.#store, this.#name),
    ]);
    if (next !== undefined || own?.id !== this.#holder.id) this.#lose(next ?? own);
    await this.#write(this.#holder);
    this.#renewedAt = startedAt;
  }

  #lose(by: Holder | undefined): never {
    const { uri } = this.#store;
    const what =
      by === undefined
        ? 'the lease of this run is gone: somebody has removed it'
        : `another run has taken over (${described(by)})`;
    this.#lost = new StorageError(`${uri}: ${what}; this one writes nothing more`, {
      file: uri,
      key: 'sink.uri',
      hint: 'A run that shows no sign of life for 30 s counts as dead. Run the job again once no other is at work.',
    });
    clearInterval(this.#timer);
    this.#onLost(this.#lost);
    throw this.#lost;
  }

  #write(holder: Holder): Promise<void> {
    return this.#store.write(this.#file, contentOf(holder));
  }

  get #file(): string {
    return leaseFile(this.#name.number, this.#name.shard);
  }
}

const isSame = (a: Shard | undefined, b: Shard | undefined): boolean =>
  a?.index === b?.index && a?.count === b?.count;

/** Whether two runs of different kinds would write the same parts. */
const excludes = (a: Shard | undefined, b: Shard | undefined): boolean => a?.count !== b?.count;

async function leasesOf(store: OutputStore): Promise<LeaseName[]> {
  const files = await store.list(MANIFEST);
  return files.flatMap(({ name }) => leaseIn(name) ?? []).sort((a, b) => a.number - b.number);
}

/** Ascending. */
const numbersOf = (leases: readonly LeaseName[], shard: Shard | undefined): number[] =>
  leases.filter((lease) => isSame(lease.shard, shard)).map(({ number }) => number);

/** Of each kind the one that counts. */
function lastOfEach(leases: readonly LeaseName[]): LeaseName[] {
  const last = new Map(leases.map((lease) => [leaseFile(0, lease.shard), lease]));
  return [...last.values()];
}

/** @throws InUseError where one of them is held */
async function checkFree(store: OutputStore, leases: readonly LeaseName[]): Promise<void> {
  const states = inOrder(leases, LOOKS_AT_ONCE, async (lease) => ({
    lease,
    state: await stateOf(store, lease),
  }));
  for await (const { lease, state } of states) {
    if (state.holder !== undefined) throw inUse(store, lease.shard, state.holder);
  }
}

/**
 * Leaves nobody behind who might believe to hold a lease of these kinds.
 *
 * @throws InUseError where somebody does with good reason
 */
async function fenceOff(store: OutputStore, leases: readonly LeaseName[]): Promise<void> {
  const fence = async ({ number, shard }: LeaseName): Promise<void> => {
    const { holder, released } = await stateOf(store, { number, shard });
    if (holder !== undefined) throw inUse(store, shard, holder);
    if (released) return;
    const next = { number: number + 1, shard };
    const made = await store.create(
      leaseFile(next.number, shard),
      contentOf({ ...newHolder(), released: true }),
    );
    if (!made) {
      // By another one that fences off what we do; or by a run, which will see us.
      const other = await readHolder(store, next);
      if (!other?.released) throw inUse(store, shard, other);
    }
    for (const below of numbersOf(leases, shard)) await store.remove(leaseFile(below, shard));
  };
  for await (const _ of inOrder(lastOfEach(leases), LOOKS_AT_ONCE, fence));
}
