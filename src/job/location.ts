import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isRemote } from '../storage/uri.js';
import { homeFolder } from '../util/home.js';

const FILE_URL = /^file:/i;
const PASSWORD = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@]*:[^/?#@]*@/i;

/** What is wrong with a location as such, worded to follow its key; undefined where nothing is. */
export function faultOfLocation(location: string): string | undefined {
  if (PASSWORD.test(location)) return 'has a password in it, and secrets come from the environment only';
  if (!FILE_URL.test(location)) return undefined;
  // In a URL these two end the path, in a glob or a file name they are a part of it.
  if (/[?#]/.test(location)) return 'is a file: URL with ? or # in it; write it as a plain path';
  return namesAPath(location) ? undefined : 'is not a file: URL of a path on this machine';
}

function namesAPath(fileUrl: string): boolean {
  try {
    return resolveLocation(fileUrl, '/') !== '/';
  } catch {
    return false;
  }
}

/**
 * A location in a job file as an absolute path, or as it is where it is remote. Relative paths, those in `file:`
 * URLs too, start at `base`; `~` is the user's home, which no shell has put there.
 */
export function resolveLocation(location: string, base: string): string {
  if (isRemote(location)) return location;
  if (/^~(?=[/\\]|$)/.test(location)) return path.join(homeFolder(), location.slice(1));
  if (!FILE_URL.test(location)) return path.resolve(base, location);
  return fileURLToPath(new URL(location, pathToFileURL(path.join(base, path.sep))));
}
