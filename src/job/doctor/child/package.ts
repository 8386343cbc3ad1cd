import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../../util/errors.js';

export type PackageAnswer =
  | { readonly kind: 'absent' }
  | { readonly kind: 'loaded'; readonly version: string | null }
  /** It is installed, and does not load. */
  | { readonly kind: 'failed'; readonly version: string | null; readonly message: string };

/** Imports a package: one with native code may be there and not fit this machine. */
export async function tryPackage(name: string): Promise<PackageAnswer> {
  try {
    await import(name);
    return { kind: 'loaded', version: versionOf(name) };
  } catch (error) {
    const message = messageOf(error);
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`)) return { kind: 'absent' };
    return { kind: 'failed', version: versionOf(name), message };
  }
}

/** From the package.json above the file that is imported. */
function versionOf(name: string): string | null {
  try {
    let folder = dirname(fileURLToPath(import.meta.resolve(name)));
    while (folder !== dirname(folder)) {
      const found = readName(join(folder, 'package.json'));
      if (found?.name === name) return found.version ?? null;
      folder = dirname(folder);
    }
  } catch {
    // Its package.json tells nothing: it is without a version.
  }
  return null;
}

function readName(file: string): { name?: string; version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
