import { onTestFinished } from 'vitest';
import type { StorageAccess } from '../../src/storage/access.js';
import { listObjects, openObject } from '../../src/storage/store.js';
import type { ObjectReader, StoredObject } from '../../src/storage/types.js';
import { ObjectServer } from './object-server.mjs';
import { random } from './random.js';

export type ServerOptions = NonNullable<ConstructorParameters<typeof ObjectServer>[0]>;

/** A server that is gone when the test is over, and how it is reached: as a web server, and as S3. */
export async function objectServer(options: ServerOptions = {}, host?: string) {
  const server = new ObjectServer(options);
  const url = await server.listen(host);
  onTestFinished(() => server.close());
  const s3: StorageAccess = { options: { endpoint: url, allow_anonymous: 'true', timeout: '5' } };
  return { server, url, s3 };
}

/** `length` bytes, the same for the same seed. */
export function randomBytes(length: number, seed = 1): Uint8Array {
  const next = random(seed);
  return Uint8Array.from({ length }, () => Math.floor(256 * next()));
}

/** The one object that a URL names. */
export async function only(uri: string, access: StorageAccess): Promise<StoredObject> {
  const objects = await listObjects(uri, access);
  if (objects.length !== 1) throw new Error(`${objects.length} objects`);
  return objects[0] as StoredObject;
}

/** Opens an object for the length of a test. */
export async function opened(object: StoredObject, access: StorageAccess): Promise<ObjectReader> {
  const reader = await openObject(object, access);
  onTestFinished(() => reader.close());
  return reader;
}
