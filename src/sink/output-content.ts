import { z } from 'zod';
import type { OutputFile, OutputStore } from '../storage/output-types.js';
import { awaitedLater, inOrder } from '../util/ahead.js';
import { messageOf, UsageError } from '../util/errors.js';
import { entryFile, entryIn, HEAD, isTemporary, leaseIn, MANIFEST, SUCCESS } from './output-files.js';
import type { Part } from './types.js';

/** Small files that are read, or removed, at the same time. */
export const FILES_AT_ONCE = 64;

const partSchema = z.object({
  ordinal: z.number(),
  file: z.string(),
  rows: z.number(),
  bytes: z.number(),
  deadLettered: z.number().optional(),
});
const headSchema = z.object({ job: z.string(), fingerprint: z.string(), splits: z.number() });

/** Whose an output is. */
export type Head = z.infer<typeof headSchema>;

export const contentOfHead = (head: Head): Uint8Array => Buffer.from(`${JSON.stringify(head)}\n`);

/** What a look at an output directory shows. */
export interface Content {
  readonly hasHead: boolean;
  readonly files: readonly OutputFile[];
  readonly manifest: readonly OutputFile[];
}

export async function look(store: OutputStore): Promise<Content> {
  const inManifest = awaitedLater(store.list(MANIFEST));
  const files = await store.list('');
  const manifest = await inManifest;
  const hasHead = manifest.some(({ name }) => `${MANIFEST}/${name}` === HEAD);
  return { hasHead, files, manifest };
}

async function readHead(store: OutputStore): Promise<Head | undefined> {
  const bytes = await store.read(HEAD);
  if (bytes === undefined) return undefined;
  try {
    return headSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (cause) {
    const file = `${store.uri}/${HEAD}`;
    throw new UsageError(`${file}: is damaged: ${messageOf(cause)}`, {
      file,
      hint: 'Replace the output with --overwrite.',
      cause,
    });
  }
}

/** @throws UsageError where an output is not that of the job with this head, and is not to be */
export async function checkOwner(store: OutputStore, content: Content, head: Head): Promise<void> {
  const { uri } = store;
  const foreign = content.hasHead ? HEAD : foreignIn(content);
  if (foreign === undefined) return;
  // Where it was not there when we looked, another shard may have written it since, and parts.
  const found = await readHead(store);
  if (found?.fingerprint === head.fingerprint) return;
  if (found !== undefined) {
    throw new UsageError(
      `${uri}: holds the output of another job (${JSON.stringify(found.job)}, or this one with other data, ` +
        'model or settings)',
      { file: uri, key: 'sink.uri', hint: 'Choose another sink.uri, or replace it with --overwrite.' },
    );
  }
  throw new UsageError(`${uri}: is not empty, and no job of Penstock has written it (${foreign})`, {
    file: uri,
    key: 'sink.uri',
    hint: 'Choose another sink.uri, or write beside these files with --overwrite.',
  });
}

/** A file that has no business where there is no head. */
function foreignIn({ files, manifest }: Content): string | undefined {
  const names = [
    ...files.map(({ name }) => name).filter((name) => name !== `${MANIFEST}/`),
    // A run that was killed before it had written a head leaves its lease.
    ...manifest.filter(({ name }) => leaseIn(name) === undefined).map(({ name }) => `${MANIFEST}/${name}`),
  ];
  return names.find((name) => !isTemporary(name.slice(name.lastIndexOf('/', name.length - 2) + 1)));
}

export const sizesOf = (files: readonly OutputFile[]): Map<string, number> =>
  new Map(files.map(({ name, size }) => [name, size]));

/**
 * The parts of these entries that are there. One that somebody removed, or that is not what its entry says, is not: it is
 * made again.
 */
export async function committedParts(
  store: OutputStore,
  ordinals: readonly number[],
  files: readonly OutputFile[],
): Promise<Part[]> {
  const sizes = sizesOf(files);
  const parts: Part[] = [];
  for await (const part of inOrder(ordinals, FILES_AT_ONCE, (ordinal) => readEntry(store, ordinal))) {
    if (part !== undefined && sizes.get(part.file) === part.bytes) parts.push(part);
  }
  return parts;
}

/** Splits of a job that have an entry. */
export const entriesIn = (manifest: readonly OutputFile[], { splits }: Head): number[] =>
  manifest.flatMap(({ name }) => entryIn(name) ?? []).filter((ordinal) => ordinal < splits);

async function readEntry(store: OutputStore, ordinal: number): Promise<Part | undefined> {
  const bytes = await store.read(entryFile(ordinal));
  try {
    const part = partSchema.parse(JSON.parse(Buffer.from(bytes ?? '').toString()));
    return part.ordinal === ordinal ? part : undefined;
  } catch {
    return undefined;
  }
}

/**
 * All parts of an output that is complete, and says so; undefined where it is not. Nothing is changed, and no lease is needed.
 *
 * @throws UsageError where it is another job's
 */
export async function completeParts(store: OutputStore, head: Head): Promise<Part[] | undefined> {
  const content = await look(store);
  await checkOwner(store, content, head);
  const { files, manifest } = content;
  if (!files.some(({ name }) => name === SUCCESS)) return undefined;
  const parts = await committedParts(store, entriesIn(manifest, head), files);
  return parts.length === head.splits ? parts : undefined;
}
