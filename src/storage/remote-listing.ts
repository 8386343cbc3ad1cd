/// <reference path="./picomatch.d.ts" />
import picomatch from 'picomatch';
import { isDynamicPattern } from 'tinyglobby';
import { StorageError, UsageError } from '../util/errors.js';
import type { RemoteEntry } from './opendal.js';
import { Remote } from './remote.js';
import { isAbsence } from './remote-errors.js';
import { versionOf } from './remote-reader.js';
import type { StoredObject } from './types.js';

/**
 * The objects that a URL names, by the rules of local listings: one object, all below a prefix (but those with a name on
 * the way that begins with `.` or `_`), or those that match a glob; sorted by name.
 *
 * @throws StorageError where nothing is there; UsageError where the storage has no listings and one is asked for
 */
export async function listRemote(
  uri: string,
  options: Readonly<Record<string, string>>,
): Promise<StoredObject[]> {
  const remote = await Remote.connect(uri, options);
  const { path } = remote.place;
  const glob = isDynamicPattern(path);
  if (path !== '' && !path.endsWith('/')) {
    const entry = await remote.stat(path).catch((error) => {
      if (isAbsence(error) && (remote.service.lists || glob)) return undefined;
      throw error;
    });
    if (entry !== undefined) return [describe(uri, entry)];
  }
  if (!remote.service.lists) throw unlisted(uri, glob);
  const prefix = glob ? fixedPart(path) : path === '' || path.endsWith('/') ? path : `${path}/`;
  const isWanted = glob ? picomatch(path, { posix: true }) : isData(prefix);
  const found = (await remote.list(prefix)).filter((entry) => isWanted(entry.path));
  if (found.length === 0) {
    const what = glob ? 'no file matches' : 'no such object, and no data files below it';
    throw new StorageError(`${uri}: ${what}`, { file: uri, hint: 'Check source.uri.' });
  }
  return found
    .map((entry) => describe(remote.uriOf(entry.path), entry))
    .sort((a, b) => (a.uri < b.uri ? -1 : 1));
}

function describe(uri: string, entry: RemoteEntry): StoredObject {
  return { uri, size: entry.size, version: versionOf(entry) };
}

/** The folders in front of the first part that is a pattern. */
function fixedPart(glob: string): string {
  const parts = glob.split('/');
  const first = parts.findIndex((part) => isDynamicPattern(part));
  return parts
    .slice(0, first)
    .map((part) => `${part}/`)
    .join('');
}

function isData(prefix: string): (path: string) => boolean {
  return (path) => !/(^|\/)[._]/.test(path.slice(prefix.length));
}

function unlisted(uri: string, glob: boolean): UsageError {
  const what = glob ? 'a glob' : 'a folder';
  return new UsageError(`source.uri: ${uri} is ${what}, and a web server has no listings`, {
    key: 'source.uri',
    hint: 'Name one file, or copy the files to where they can be listed.',
  });
}
