import path from 'node:path';
import { UsageError } from '../util/errors.js';
import { homeFolder } from '../util/home.js';
import type { Environment } from './services.js';

const DEFAULT_BYTES = 20 * 2 ** 30;

/** Where files are kept that were fetched, and how many bytes of them. */
export interface CachePlace {
  readonly dir: string;
  readonly maxBytes: number;
}

/**
 * This user's cache: the folder `PENSTOCK_CACHE`, by default `penstock` where the system keeps caches of users, and
 * `PENSTOCK_CACHE_BYTES`, by default 20 GiB.
 *
 * @throws UsageError where a variable is not what it should be
 */
export function userCache(env: Environment = process.env): CachePlace {
  const { PENSTOCK_CACHE: dir = '', PENSTOCK_CACHE_BYTES: bytes = '' } = env;
  const maxBytes = bytes === '' ? DEFAULT_BYTES : Number(bytes);
  if (!Number.isInteger(maxBytes) || maxBytes < 1) {
    throw new UsageError(`PENSTOCK_CACHE_BYTES: must be a whole number of bytes, 1 or more, not ${bytes}`);
  }
  return { dir: path.resolve(dir === '' ? defaultFolder(env) : dir), maxBytes };
}

function defaultFolder({ XDG_CACHE_HOME: xdg = '', LOCALAPPDATA: appData = '' }: Environment): string {
  switch (process.platform) {
    case 'darwin':
      return path.join(homeFolder('PENSTOCK_CACHE, or HOME'), 'Library', 'Caches', 'penstock');
    case 'win32':
      return path.join(
        appData === '' ? path.join(homeFolder('PENSTOCK_CACHE, or HOME'), 'AppData', 'Local') : appData,
        'penstock',
        'Cache',
      );
    default:
      // What is not absolute is to be ignored: XDG Base Directory Specification.
      return path.join(
        path.isAbsolute(xdg) ? xdg : path.join(homeFolder('PENSTOCK_CACHE, or HOME'), '.cache'),
        'penstock',
      );
  }
}
