import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { now } from '../clock/now.js';
import type { OutputStore } from '../storage/output-types.js';
import { InUseError, StorageError } from '../util/errors.js';
import { hasEnded, type ProcessIdentity, thisProcess } from '../util/process-identity.js';
import { leaseFile, MANIFEST, numberIn } from './output-files.js';

/*
 * One run at a time writes to an output, wherever it is and on whatever machine it runs.
 *
 * The lease is the file `lease-N.json` with the highest number N. Whoever may take it over (there is none, it was let go
 * of, or its holder is dead) creates N + 1, which only one can: storage decides. Then it removes those below. Nobody but
 * its holder ever writes a lease file again: it does so every 10 seconds, its heartbeat, and when it lets go. It is not
 * removed then, but says `released`, so that no number is ever used twice.
 *
 * A holder is dead when its process has ended for certain (it ran on this machine), or when its file was not written for
 * 30 seconds, by the clock of the storage, which both sides see. A live one that storage could not be reached from, or
 * that was suspended, may so be taken for dead. It finds a higher number, or another's content in its own, with its next
 * heartbeat, which it does before it commits anything once 20 seconds have passed since the last. What it may still do
 * is finish a request that was under way: put a part or its entry in place a second time. That harms nobody: it is the
 * same part of the same job, and one whose size is not what its entry says is made again.
 */
const HEARTBEAT_MS = 10_000;
/** Without a sign of life for so long, a lease is void. */
const VOID_MS = 3 * HEARTBEAT_MS;
/** The holder itself doubts it before others do. */
const DOUBT_MS = 2 * HEARTBEAT_MS;

const holderSchema = z.object({
  id: z.string(),
  since: z.string(),
  released: z.boolean(),
  process: z.object({
    host: z.string(),
    pid: z.number(),
    space: z.string(),
    started: z.string().optional(),
  }),
});

interface Holder {
  readonly id: string;
  readonly since: string;
  readonly released: boolean;
  readonly process: ProcessIdentity;
}

/** The right to write to an output. Whoever takes it releases it. */
export class Lease {
  readonly #store: OutputStore;
  readonly #number: number;
  readonly #holder: Holder;
  readonly #timer: NodeJS.Timeout;
  /** Microseconds. */
  #renewedAt: number;
  #beat: Promise<void> | undefined;
  #lost: StorageError | undefined;
  #onLost: (error: StorageError) => void = () => {};

  private constructor(store: OutputStore, number: number, holder: Holder, takenAt: number) {
    this.#store = store;
    this.#number = number;
    this.#holder = holder;
    this.#renewedAt = takenAt;
    // One that fails is tried again with the next, or before a part is committed.
    this.#timer = setInterval(() => void this.#renew().catch(() => {}), HEARTBEAT_MS);
    this.#timer.unref();
  }

  /** @throws InUseError where another run is at work there */
  static async take(store: OutputStore): Promise<Lease> {
    const takenAt = now();
    const numbers = await leaseNumbers(store);
    const last = numbers.at(-1) ?? 0;
    const current = last === 0 ? undefined : await livingHolder(store, last);
    if (current !== undefined) throw inUse(store, current);
    const number = last + 1;
    const holder = {
      id: randomUUID(),
      since: new Date().toISOString(),
      released: false,
      process: thisProcess(),
    };
    if (!(await store.create(leaseFile(number), contentOf(holder)))) {
      throw inUse(store, await readHolder(store, number));
    }
    // Others may have come and gone since the list was made, and removed what we have just created once more.
    const higher = (await leaseNumbers(store)).find((other) => other > number);
    if (higher !== undefined) {
      await store.remove(leaseFile(number));
      throw inUse(store, await readHolder(store, higher));
    }
    for (const before of numbers) await store.remove(leaseFile(before));
    return new Lease(store, number, holder, takenAt);
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
      .catch(() => this.#store.remove(leaseFile(this.#number)))
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
      readHolder(this.#store, this.#number + 1),
      readHolder(this.#store, this.#number),
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
    return this.#store.write(leaseFile(this.#number), contentOf(holder));
  }
}

const contentOf = (holder: Holder): Uint8Array => Buffer.from(`${JSON.stringify(holder)}\n`);

async function leaseNumbers(store: OutputStore): Promise<number[]> {
  const files = await store.list(MANIFEST);
  return files.flatMap(({ name }) => numberIn(name, 'lease') ?? []).sort((a, b) => a - b);
}

/** Who holds a lease; undefined where nobody does any more. */
async function livingHolder(store: OutputStore, number: number): Promise<Living | undefined> {
  const file = await store.stat(leaseFile(number));
  if (file === undefined) return undefined;
  const holder = await readHolder(store, number);
  if (holder?.released || (holder !== undefined && hasEnded(holder.process))) return undefined;
  const silentMs = (await store.clock()) - (file.modified ?? 0);
  return silentMs > VOID_MS ? undefined : { ...(holder ?? UNKNOWN), silentMs };
}

interface Living extends Holder {
  readonly silentMs?: number;
}

/** Whose content can't be read: it may be about to be written. */
const UNKNOWN: Holder = {
  id: '',
  since: '',
  released: false,
  process: { host: '', pid: 0, space: '', started: undefined },
};

async function readHolder(store: OutputStore, number: number): Promise<Holder | undefined> {
  const bytes = await store.read(leaseFile(number));
  if (bytes === undefined) return undefined;
  try {
    const { process, ...holder } = holderSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
    return { ...holder, process: { ...process, started: process.started } };
  } catch {
    return UNKNOWN;
  }
}

function described({ process: { pid, host }, since }: Holder): string {
  return host === '' ? 'it has just begun' : `process ${pid} on ${host}, since ${since}`;
}

function inUse({ uri }: OutputStore, holder: Living = UNKNOWN): InUseError {
  const { silentMs } = holder;
  const sign =
    silentMs === undefined
      ? ''
      : `; its last sign of life was ${Math.max(0, Math.round(silentMs / 1000))} s ago`;
  return new InUseError(`${uri}: is in use by another run (${described(holder)})${sign}`, {
    file: uri,
    key: 'sink.uri',
    hint: 'Wait for it to end, or choose another sink.uri. If it is dead, its lease ends 30 s after its last sign of life.',
  });
}
