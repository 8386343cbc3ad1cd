import type { Shard } from '../dataset/shard.js';
import { temporaryOf } from '../storage/temporary-name.js';

/*
 * What an output directory holds; everything else in it is somebody else's, and never touched.
 *
 *   part-00007.arrow                 a split's outputs; counts once its entry is there
 *   _dead_letters/part-00007.jsonl   the split's bad rows, where it has any
 *   _manifest/job.json               whose output this is
 *   _manifest/part-00007.json        the part's entry: it is committed
 *   _manifest/lease-00001.json       who may write here, or that the last who might has let go
 *   _manifest/lease-2of8-00001.json  the same of a shard: who may write its parts
 *   _SUCCESS                         all splits are committed
 */
export const SUCCESS = '_SUCCESS';
export const MANIFEST = '_manifest';
export const DEAD_LETTERS = '_dead_letters';
export const HEAD = `${MANIFEST}/job.json`;

const numbered = (number: number): string => String(number).padStart(5, '0');

export const partFile = (ordinal: number, extension: string): string =>
  `part-${numbered(ordinal)}.${extension}`;
export const entryFile = (ordinal: number): string => `${MANIFEST}/part-${numbered(ordinal)}.json`;
export const lettersFile = (ordinal: number): string => `${DEAD_LETTERS}/part-${numbered(ordinal)}.jsonl`;
/** @param shard undefined: of a whole run */
export const leaseFile = (number: number, shard?: Shard): string =>
  `${MANIFEST}/lease-${shard === undefined ? '' : `${shard.index}of${shard.count}-`}${numbered(number)}.json`;

const LEASE = /^lease-(?:(\d+)of(\d+)-)?(\d+)\.json$/;
const PATTERNS: Readonly<Record<string, RegExp>> = {
  '': /^(_SUCCESS|part-\d+\.\w+)$/,
  [MANIFEST]: /^(part-\d+|lease-(\d+of\d+-)?\d+|job)\.json$/,
  [DEAD_LETTERS]: /^part-\d+\.jsonl$/,
};

/** Whether a file of one of the three folders is one of ours, or was on its way to be. */
export function isOwn(folder: string, name: string): boolean {
  const file = temporaryOf(name) ?? name;
  return (PATTERNS[folder]?.test(file) ?? false) || isTemporary(name);
}

/** Left by a process that was killed: nobody looks at it. */
export function isTemporary(name: string): boolean {
  const file = temporaryOf(name);
  if (file === undefined) return false;
  return Object.values(PATTERNS).some((pattern) => pattern.test(file)) || /^(clock|\.clock\..*)$/.test(file);
}

/** The split that one of our files is about, in any of the three folders, or that one was that is left; undefined of others. */
export function ordinalIn(name: string): number | undefined {
  const [, number] = /^part-(\d+)\.\w+$/.exec(temporaryOf(name) ?? name) ?? [];
  return number === undefined ? undefined : Number(number);
}

/** The split whose entry a file of the manifest's folder is. */
export function entryIn(name: string): number | undefined {
  return /^part-\d+\.json$/.test(name) ? ordinalIn(name) : undefined;
}

/** A lease by its name in the manifest's folder. */
export interface LeaseName {
  readonly number: number;
  /** Undefined: of a whole run. */
  readonly shard: Shard | undefined;
}

export function leaseIn(name: string): LeaseName | undefined {
  const [, index, count, number] = LEASE.exec(name) ?? [];
  if (number === undefined) return undefined;
  const shard = index === undefined ? undefined : { index: Number(index), count: Number(count) };
  return { number: Number(number), shard };
}
