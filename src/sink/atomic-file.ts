import { open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, StorageError } from '../util/errors.js';

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
