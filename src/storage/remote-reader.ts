import { StorageError } from '../util/errors.js';
import type { RemoteEntry } from './opendal.js';
import { checkRange } from './range.js';
import { Remote } from './remote.js';
import { isAbsence } from './remote-errors.js';
import type { ObjectReader, StoredObject } from './types.js';

/** Changes when the object's content does, as far as the service tells; empty where it tells nothing. */
export function versionOf({ etag, lastModified, size }: RemoteEntry): string {
  return etag ?? (lastModified === undefined ? '' : `${lastModified}, ${size} bytes`);
}

/**
 * Opens a remote object that was listed. Makes no request where reads can be bound to the etag; else looks whether it is
 * still the one that was listed.
 */
export async function openRemote(
  object: StoredObject,
  options: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<ObjectReader> {
  const remote = await Remote.connect(object.uri, options, { signal });
  const etag = bindingOf(remote, object);
  if (etag === undefined) await checkUnchanged(remote, object);
  return new RemoteReader(object, remote, etag);
}

/** The etag that reads of an object can be bound to, so that none is answered from another version; undefined where they can't. */
export function bindingOf({ service }: Remote, { version }: StoredObject): string | undefined {
  // A weak etag (W/"…") never matches in If-Match: RFC 9110, section 13.1.1.
  return service.readsIfMatch && version.startsWith('"') ? version : undefined;
}

/** @throws StorageError where an object is not, or no more, the one that was listed */
export async function checkUnchanged(remote: Remote, object: StoredObject): Promise<void> {
  const { uri, size } = object;
  const current = await remote.stat(remote.place.path).catch((error) => {
    if (!isAbsence(error)) throw error;
    throw new StorageError(`${uri}: was removed since it was listed`, { file: uri, cause: error });
  });
  if (current.size === size && versionOf(current) === object.version) return;
  throw new StorageError(
    `${uri}: the file changed since it was listed (${size} bytes then, ${current.size} now)`,
    { file: uri, hint: 'Run the job again once the data is at rest.' },
  );
}

class RemoteReader implements ObjectReader {
  readonly object: StoredObject;
  readonly #remote: Remote;
  readonly #etag: string | undefined;

  constructor(object: StoredObject, remote: Remote, etag: string | undefined) {
    this.object = object;
    this.#remote = remote;
    this.#etag = etag;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    checkRange(this.object, offset, into.byteLength);
    await this.#remote.read(offset, into, this.#etag);
  }

  async close(): Promise<void> {}
}
