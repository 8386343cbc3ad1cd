import type { OutputStore } from '../storage/output-types.js';
import { temporaryOf } from '../storage/temporary-name.js';
import { inOrder } from '../util/ahead.js';
import { type Content, checkOwner, contentOfHead, FILES_AT_ONCE, type Head, look } from './output-content.js';
import {
  DEAD_LETTERS,
  entryFile,
  HEAD,
  isOwn,
  leaseIn,
  lettersFile,
  MANIFEST,
  ordinalIn,
  SUCCESS,
} from './output-files.js';
import type { OutputShare, Part } from './types.js';

/** What is to become of an output directory. */
export interface Readiness {
  readonly head: Head;
  /** Those that stay. */
  readonly parts: readonly Part[];
  /** Undefined: all of it. */
  readonly share: OutputShare | undefined;
  /** Whether it becomes this job's only now, whosever it was. */
  readonly anew: boolean;
}

/** Steps 4 to 8 of a claim (see `output-directory.ts`). */
export async function makeReady(
  store: OutputStore,
  content: Content,
  { head, parts, share, anew }: Readiness,
): Promise<void> {
  const { files, manifest } = content;
  const entries = new Set(parts.map(({ ordinal }) => entryFile(ordinal)));
  const isDone = parts.length === (share?.ordinals.size ?? head.splits);
  if (!isDone && files.some(({ name }) => name === SUCCESS)) await store.remove(SUCCESS);
  await removeAll(
    store,
    manifest
      .filter(({ name }) => isLeftOver(MANIFEST, name, share))
      .map(({ name }) => `${MANIFEST}/${name}`)
      .filter((name) => name !== HEAD && !entries.has(name)),
  );
  if (share !== undefined) await bringHead(store, content, head);
  else if (anew) await store.write(HEAD, contentOfHead(head));
  await store.settle();
  const kept = new Set([...parts.map(({ file }) => file), SUCCESS]);
  const letters = new Set(parts.map(({ ordinal }) => lettersFile(ordinal)));
  const inLetters = files.some(({ name }) => name === `${DEAD_LETTERS}/`)
    ? await store.list(DEAD_LETTERS)
    : [];
  await removeAll(store, [
    ...files.map(({ name }) => name).filter((name) => isLeftOver('', name, share) && !kept.has(name)),
    ...inLetters
      .filter(({ name }) => isLeftOver(DEAD_LETTERS, name, share))
      .map(({ name }) => `${DEAD_LETTERS}/${name}`)
      .filter((name) => !letters.has(name)),
  ]);
}

/** Other shards bring the same; but another job, too, may be beginning here at this moment. */
async function bringHead(store: OutputStore, { hasHead }: Content, head: Head): Promise<void> {
  if (hasHead || (await store.create(HEAD, contentOfHead(head)))) return;
  await checkOwner(store, await look(store), head);
}

/**
 * Whether a file was left by earlier runs, if it belongs to no part that is committed. To a shard all that is not about its
 * own splits is what others are at work on.
 */
function isLeftOver(folder: string, name: string, share: OutputShare | undefined): boolean {
  if (leaseIn(name) !== undefined || !isOwn(folder, name)) return false;
  if (share === undefined) return true;
  const ordinal = ordinalIn(name);
  if (ordinal !== undefined) return share.ordinals.has(ordinal);
  const lease = leaseIn(temporaryOf(name) ?? '')?.shard;
  return lease?.index === share.index && lease.count === share.count;
}

async function removeAll(store: OutputStore, names: readonly string[]): Promise<void> {
  for await (const _ of inOrder(names, FILES_AT_ONCE, (name) => store.remove(name)));
}
