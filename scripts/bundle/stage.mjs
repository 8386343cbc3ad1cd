// @ts-check
// Files put together in a folder, as the archive will have them.
import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { byBytes } from './archive.mjs';

const EXECUTABLE = 0o755;
const PLAIN = 0o644;

/**
 * @param {readonly import('./contents.mjs').BundledFile[]} files
 * @param {string} folder
 * @returns {Promise<string[]>} their paths in it, sorted
 */
export async function stage(files, folder) {
  for (const parent of new Set(files.map(({ to }) => dirname(to))))
    await mkdir(join(folder, parent), { recursive: true });
  for (const { from, to, mode } of files) {
    const target = join(folder, to);
    await copyFile(from, target);
    // Not as whoever made it had their umask.
    await chmod(target, mode ?? PLAIN);
  }
  return files.map(({ to }) => to).sort(byBytes);
}

export { EXECUTABLE };
