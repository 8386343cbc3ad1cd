import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Shard, shardText } from '../dataset/shard.js';
import type { OutputStore } from '../storage/output-types.js';
import { InUseError } from '../util/errors.js';
import {
  hasEnded,
  type ProcessIdentity,
  processIdentitySchema,
  thisProcess,
} from '../util/process-identity.js';
import { type LeaseName, leaseFile } from './output-files.js';

export const HEARTBEAT_MS = 10_000;
/** Without a sign of life for so long, a lease is void. */
const VOID_MS = 3 * HEARTBEAT_MS;

const holderSchema = z.object({
  id: z.string(),
  since: z.string(),
  released: z.boolean(),
  process: processIdentitySchema,
});

/** What a lease file says. */
export interface Holder {
  readonly id: string;
  readonly since: string;
  readonly released: boolean;
  readonly process: ProcessIdentity;
}

/** One who was not heard of for so long. */
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

export function newHolder(): Holder {
  return { id: randomUUID(), since: new Date().toISOString(), released: false, process: thisProcess() };
}

export const contentOf = (holder: Holder): Uint8Array => Buffer.from(`${JSON.stringify(holder)}\n`);

export async function readHolder(
  store: OutputStore,
  { number, shard }: LeaseName,
): Promise<Holder | undefined> {
  const bytes = await store.read(leaseFile(number, shard));
  if (bytes === undefined) return undefined;
  try {
    return holderSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch {
    return UNKNOWN;
  }
}

/** How a lease stands: `holder` where somebody holds it still. */
export interface LeaseState {
  readonly holder: Living | undefined;
  /** Its holder has let go of it, and writes it no more. */
  readonly released: boolean;
}

export async function stateOf(store: OutputStore, lease: LeaseName): Promise<LeaseState> {
  const nobody = { holder: undefined, released: false };
  const file = await store.stat(leaseFile(lease.number, lease.shard));
  if (file === undefined) return nobody;
  const holder = await readHolder(store, lease);
  // Removed in between, by whoever has made the next.
  if (holder === undefined) return nobody;
  if (holder.released) return { holder: undefined, released: true };
  if (hasEnded(holder.process)) return nobody;
  const silentMs = (await store.clock()) - (file.modified ?? 0);
  return silentMs > VOID_MS ? nobody : { holder: { ...holder, silentMs }, released: false };
}

export function described({ process: { pid, host }, since }: Holder): string {
  return host === '' ? 'it has just begun' : `process ${pid} on ${host}, since ${since}`;
}

/** @param shard what the holder runs; undefined: all */
export function inUse({ uri }: OutputStore, shard: Shard | undefined, holder: Living = UNKNOWN): InUseError {
  const { silentMs } = holder;
  const who = shard === undefined ? 'another run' : `a run of shard ${shardText(shard)}`;
  const sign =
    silentMs === undefined
      ? ''
      : `; its last sign of life was ${Math.max(0, Math.round(silentMs / 1000))} s ago`;
  const rule =
    shard === undefined ? '' : ' Only different shards of the same count may be run at the same time.';
  return new InUseError(`${uri}: is in use by ${who} (${described(holder)})${sign}`, {
    file: uri,
    key: 'sink.uri',
    hint: `Wait for it to end, or choose another sink.uri. If it is dead, its lease ends 30 s after its last sign of life.${rule}`,
  });
}
