import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { modelFiles } from '../session/model-files.js';
import type { Job } from './schema.js';

/**
 * Of what a job brings along beside its data: `sha256:` and the digest of all bytes of its files, one file behind the other,
 * in hexadecimal. Undefined where it brings nothing.
 */
export interface Digests {
  /** Of all files that the model consists of. */
  readonly model?: string;
  /** Of the transform's module. */
  readonly transform?: string;
}

/** The digests of a job whose model and transform are on this machine: see `localized`. */
export async function digestsOf({ model, transform }: Pick<Job, 'model' | 'transform'>): Promise<Digests> {
  const digests = {
    model: model.uri && `sha256:${await modelDigest(model.runtime, model.uri)}`,
    transform: transform && `sha256:${await digestOf([transform])}`,
  };
  return {
    ...(digests.model && { model: digests.model }),
    ...(digests.transform && { transform: digests.transform }),
  };
}

/** Of all files of a model on this machine. */
export async function modelDigest(runtime: string, uri: string): Promise<string> {
  return digestOf(await modelFiles(runtime, uri));
}

/** A file changed so short a time ago may change once more and look the same: clocks of file systems tick slowly. */
const SETTLED_MS = 2000;
/** Digests that are remembered. */
const MOST_KNOWN = 64;

/** By what the files looked like: a model of gigabytes takes seconds, and each shard of a job asks. */
const known = new Map<string, string>();

/** SHA-256 of all bytes of files, one behind the other, in hexadecimal. */
export async function digestOf(files: readonly string[]): Promise<string> {
  const before = await looksOf(files);
  const same = known.get(before.key);
  if (same !== undefined) return same;
  const hash = createHash('sha256');
  for (const file of files) for await (const piece of createReadStream(file)) hash.update(piece);
  const digest = hash.digest('hex');
  const isSettled = Date.now() - before.changedMs > SETTLED_MS;
  if (isSettled && (await looksOf(files)).key === before.key) {
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(before.key, digest);
  }
  return digest;
}

async function looksOf(
  files: readonly string[],
): Promise<{ readonly key: string; readonly changedMs: number }> {
  const looks = await Promise.all(
    files.map(async (file) => {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
      return { text: [file, dev, ino, size, mtimeNs, ctimeNs].join(' '), changedMs: Number(ctimeNs) / 1e6 };
    }),
  );
  return {
    key: JSON.stringify(looks.map(({ text }) => text)),
    changedMs: Math.max(0, ...looks.map(({ changedMs }) => changedMs)),
  };
}
