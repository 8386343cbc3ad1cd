import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { DeviceError, messageOf } from '../../util/errors.js';

/** Imports an optional package. Throws a sentence that says what to do about it, where it is not there or broken. */
export async function importPackage<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new DeviceError(reason(name, error), { cause: error });
  }
}

function reason(name: string, error: unknown): string {
  if (!isInstalled(name)) return `the package ${name} is not installed`;
  // It is there, and something that it needs may not be.
  const [firstLine = ''] = messageOf(error).split('\n');
  return `the package ${name} does not load: ${firstLine}`;
}

/** Looked up, rather than told from the error, which bundlers and test runners word as they like. */
function isInstalled(name: string): boolean {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  return folders.some((folder) => existsSync(join(folder, name, 'package.json')));
}
