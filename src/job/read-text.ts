import { open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../util/errors.js';
import { bytes } from '../util/figures.js';
import { KIND_BYTES, kindOfFile } from '../util/file-kind.js';
import { codeOf, reasonOf } from '../util/system-error.js';
import { suggest } from './suggest.js';

/** No file that a person writes is larger. */
const MAX_BYTES = 4 * 2 ** 20;
const ENDINGS = /\.(?:ya?ml|json)$/i;

/**
 * The text of a file that a person wrote, in UTF-8, or in UTF-16 with the mark by which Windows' shells begin it.
 *
 * @param expected `a job file`
 * @throws UsageError that says what the file is instead, where it is another one
 */
export async function readText(file: string, expected: string): Promise<string> {
  const refuse = (what: string, hint?: string, cause?: unknown): UsageError =>
    new UsageError(`${file}: ${what}`, { file, ...(hint !== undefined && { hint }), cause });
  try {
    await using handle = await open(file);
    const { size } = await handle.stat();
    const isLarge = size > MAX_BYTES;
    // Large files are looked into only; pipes, as of `<(…)`, can be read but once.
    const content = isLarge
      ? (await handle.read(Buffer.alloc(KIND_BYTES), 0, KIND_BYTES, 0)).buffer
      : await handle.readFile();
    const kind = kindOfFile(content);
    // What may be meant as one is left to the parser.
    if (kind !== undefined && kind.id !== 'json' && kind.id !== 'csv') {
      throw refuse(`is ${kind.is}, expected ${expected}`, kind.hint);
    }
    if (isLarge) throw refuse(`has ${bytes(size)}, and ${expected} is a page or two of text`);
    return decoded(content, () => refuse(`is no text in UTF-8, expected ${expected}`));
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    const code = codeOf(cause);
    if (code === 'ENOENT') throw refuse('there is no such file', await meant(file), cause);
    if (code === 'EISDIR') throw refuse(`is a folder, expected ${expected}`, await within(file), cause);
    throw refuse(`can't be read: ${reasonOf(cause)}`, undefined, cause);
  }
}

/** Marks that begin a text, and the encodings that they tell; a mark of UTF-8 is dropped by the decoder. */
const MARKS = [
  ['utf-16le', 0xff, 0xfe],
  ['utf-16be', 0xfe, 0xff],
] as const;

function decoded(content: Uint8Array, refuse: () => UsageError): string {
  const [encoding] = MARKS.find(([, first, second]) => content[0] === first && content[1] === second) ?? [
    'utf-8',
  ];
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(content);
    if (text.includes('\0')) throw refuse();
    return text;
  } catch (cause) {
    throw cause instanceof UsageError ? cause : refuse();
  }
}

/** A file beside the one that is not there, of nearly the same name. */
async function meant(file: string): Promise<string | undefined> {
  const folder = path.dirname(file);
  const name = path.basename(file);
  const names = await documentsIn(folder);
  const { name: stem } = path.parse(name);
  const found = names.find((other) => path.parse(other).name === stem) ?? suggest(name, names);
  return found === undefined ? undefined : `Did you mean ${path.join(folder, found)}?`;
}

async function within(folder: string): Promise<string | undefined> {
  const [first, ...others] = await documentsIn(folder);
  if (first === undefined) return undefined;
  const one = path.join(folder, first);
  return others.length === 0 ? `Did you mean ${one}?` : `Name a file in it, for instance ${one}.`;
}

async function documentsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => ENDINGS.test(name)).sort();
}
