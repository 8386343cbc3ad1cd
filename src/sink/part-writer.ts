import { open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, StorageError, UsageError } from '../util/errors.js';
import { encodeArrowPart } from './arrow-part.js';
import type { CompleteSplit, Part, SinkTarget } from './types.js';

/** Formats by name: how a split becomes bytes. A new one is a file and a line here. */
const ENCODERS: Readonly<Record<string, (split: CompleteSplit) => Uint8Array>> = {
  arrow: encodeArrowPart,
};

/** @throws UsageError for a format that is not there */
export function checkFormat(format: string): void {
  if (format in ENCODERS || format === 'none') return;
  throw new UsageError(
    `sink.format: this version writes ${[...Object.keys(ENCODERS), 'none'].join(' and ')}, not ${format}`,
    { key: 'sink.format' },
  );
}

/** Writes a split as one part, whole and committed by a rename: a part with its final name is complete. */
export async function writePart({ directory, format }: SinkTarget, split: CompleteSplit): Promise<Part> {
  const encode = ENCODERS[format];
  if (encode === undefined) throw new TypeError(`no encoder for ${format}`);
  const bytes = encode(split);
  const { ordinal, batchRows } = split.produced;
  const file = `part-${String(ordinal).padStart(5, '0')}.${format}`;
  await writeFileAtomically(directory, file, bytes);
  return { ordinal, file, rows: batchRows.reduce((sum, rows) => sum + rows, 0), bytes: bytes.byteLength };
}

/**
 * Writes a file beside its place, makes it durable, and renames it. Nothing is left behind where that fails.
 *
 * @throws StorageError
 */
export async function writeFileAtomically(directory: string, file: string, bytes: Uint8Array): Promise<void> {
  const path = join(directory, file);
  const temporary = join(directory, `.${file}.${process.pid}.tmp`);
  try {
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(bytes);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await unlink(temporary).catch(() => {});
    throw writeError(path, cause);
  }
}

export function writeError(path: string, cause: unknown): StorageError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new StorageError(`${path}: the disk is full`, {
      file: path,
      hint: 'Free some space and run the same job again: what is written stays, and only the rest is done.',
      cause,
    });
  }
  return new StorageError(`${path}: can't be written: ${messageOf(cause)}`, { file: path, cause });
}
