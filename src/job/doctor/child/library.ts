import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { messageOf } from '../../../util/errors.js';

export interface LibraryAnswer {
  /** The file, with symbolic links followed; null where it was not found, or does not load. */
  readonly path: string | null;
  /** What the loader says where it does not load. */
  readonly error: string | null;
}

/** dlfcn.h: the library stays loaded, so that it can be found in the map of the process. */
const RTLD_NODELETE = 0x1000;

/** Each of some libraries, their names with commas between them. */
export function tryLibraries(names: string): LibraryAnswer[] {
  return names.split(',').map(tryLibrary);
}

/**
 * Asks the system's loader for a library, as whoever needs it does: along LD_LIBRARY_PATH, then in the cache of
 * ldconfig. Linux only.
 */
export function tryLibrary(name: string): LibraryAnswer {
  try {
    process.dlopen({ exports: {} }, name, constants.dlopen.RTLD_LAZY | RTLD_NODELETE);
  } catch (error) {
    // Once a library is loaded, Node looks for an addon in it, and finds none.
    const message = messageOf(error);
    if (!/did not self-register/.test(message)) return { path: null, error: message };
  }
  const stem = name.slice(0, name.indexOf('.so'));
  const paths = readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .map((line) => line.slice(line.indexOf('/')));
  return { path: paths.find((path) => path.includes(`/${stem}.so`)) ?? null, error: null };
}
