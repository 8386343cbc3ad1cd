import { temporaryOf } from '../storage/temporary-name.js';

/*
 * What an output directory holds; everything else in it is somebody else's, and never touched.
 *
 *   part-00007.arrow                 a split's outputs; counts once its entry is there
 *   _dead_letters/part-00007.jsonl   the split's bad rows, where it has any
 *   _manifest/job.json               whose output this is
 *   _manifest/part-00007.json        the part's entry: it is committed
 *   _manifest/lease-00001.json       who may write here, or that the last who might has let go
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
export const leaseFile = (number: number): string => `${MANIFEST}/lease-${numbered(number)}.json`;

const PATTERNS: Readonly<Record<string, RegExp>> = {
  '': /^(_SUCCESS|part-\d+\.\w+)$/,
  [MANIFEST]: /^((part|lease)-\d+|job)\.json$/,
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

/** The number in the name of an entry or a lease of the manifest's folder. */
export function numberIn(name: string, kind: 'part' | 'lease'): number | undefined {
  const [, number] = new RegExp(`^${kind}-(\\d+)\\.json$`).exec(name) ?? [];
  return number === undefined ? undefined : Number(number);
}
