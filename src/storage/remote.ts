import { StorageError, UsageError } from '../util/errors.js';
import { Budget } from './budget.js';
import { connect, type RemoteEntry, RemoteFault, type RemoteService } from './opendal.js';
import { explain, isAbsence } from './remote-errors.js';
import { RETRY_POLICY, type RetryPolicy, retrying } from './retry.js';
import { type Environment, serviceOf } from './services.js';
import type { ObjectReader, StoredObject } from './types.js';
import { parseRemote, type RemoteUri } from './uri.js';

/** Larger reads are cut into requests of this size, which go side by side. */
const CHUNK_BYTES = 8 * 2 ** 20;
/** Bytes that a thread has asked for and not got yet, at most. */
const BYTES_IN_FLIGHT = 64 * 2 ** 20;
/** A request counts for this much at least: so 64 of them are under way at most. */
const REQUEST_BYTES = BYTES_IN_FLIGHT / 64;
const DEFAULT_TIMEOUT_SECONDS = 10;
/** Bytes a second below which a request is given up, though it shows signs of life. */
const MIN_SPEED = 64 * 1024;

const inFlight = new Budget(BYTES_IN_FLIGHT);

/** A place in remote storage, and how requests to it are made. */
export class Remote {
  readonly uri: string;
  readonly place: RemoteUri;
  readonly service: RemoteService;
  readonly #timeoutMs: number;
  readonly #policy: RetryPolicy;
  readonly #signal: AbortSignal | undefined;

  private constructor(
    uri: string,
    place: RemoteUri,
    service: RemoteService,
    timeoutMs: number,
    policy: RetryPolicy,
    signal: AbortSignal | undefined,
  ) {
    this.uri = uri;
    this.place = place;
    this.service = service;
    this.#timeoutMs = timeoutMs;
    this.#policy = policy;
    this.#signal = signal;
  }

  /** @throws UsageError for a URL or an option that can't be; StorageError where remote storage can't be read at all */
  static async connect(
    uri: string,
    options: Readonly<Record<string, string>>,
    signal?: AbortSignal,
    env: Environment = process.env,
  ): Promise<Remote> {
    const place = parseRemote(uri);
    const timeoutMs = numberOf(options, 'timeout', DEFAULT_TIMEOUT_SECONDS, 0.001) * 1000;
    const policy = { ...RETRY_POLICY, retries: numberOf(options, 'retries', RETRY_POLICY.retries, 0) };
    const service = await connect(serviceOf(place, options, env), timeoutMs);
    return new Remote(uri, place, service, timeoutMs, policy, signal);
  }

  stat(path: string): Promise<RemoteEntry> {
    return this.#try('looking at it', 0, () => this.service.stat(path));
  }

  list(prefix: string): Promise<RemoteEntry[]> {
    // A listing is many requests, one after another, each with the time-out.
    return this.#try('listing it', Number.POSITIVE_INFINITY, () => this.service.list(prefix));
  }

  /** Fills `into`; the first error of any of its requests, once none of them may write any more. */
  async read(offset: number, into: Uint8Array, ifMatch: string | undefined): Promise<void> {
    const chunks: Promise<void>[] = [];
    for (let at = 0; at < into.byteLength; at += CHUNK_BYTES) {
      chunks.push(this.#readChunk(offset + at, into.subarray(at, at + CHUNK_BYTES), ifMatch));
    }
    const failed = (await Promise.allSettled(chunks)).find((chunk) => chunk.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  #readChunk(offset: number, into: Uint8Array, ifMatch: string | undefined): Promise<void> {
    const size = into.byteLength;
    return inFlight.run(Math.max(size, REQUEST_BYTES), () =>
      this.#try(`reading at byte ${offset}`, size, async () => {
        const bytes = await this.service.read(this.place.path, offset, size, ifMatch);
        if (bytes.byteLength !== size) {
          const reason = `${bytes.byteLength} bytes came of ${size}`;
          throw new RemoteFault(reason, 'other', true, undefined, undefined);
        }
        return bytes;
      }).then((bytes) => into.set(bytes)),
    );
  }

  async #try<T>(doing: string, bytes: number, request: () => Promise<T>): Promise<T> {
    // Beside the time-out without a sign of life: one that trickles ends too.
    const limitMs = 3 * this.#timeoutMs + (bytes / MIN_SPEED) * 1000;
    const signal = this.#signal;
    return retrying(() => within(limitMs, request(), signal), {
      policy: this.#policy,
      canPass: (error) => error instanceof RemoteFault && error.canPass,
      giveUp: (error, exhausted) =>
        error instanceof RemoteFault ? explain(this, doing, error, exhausted) : (error as Error),
      signal,
    });
  }
}

/** What is late, or not wanted any more, is not waited for; what it still brings is dropped. */
function within<T>(limitMs: number, work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const onLate = (): void =>
      reject(new RemoteFault(`no answer within ${limitMs / 1000} s`, 'other', true, undefined, undefined));
    const timer = Number.isFinite(limitMs) ? setTimeout(onLate, limitMs) : undefined;
    const onAbort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const settled = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    work.finally(settled).then(resolve, reject);
  });
}

function numberOf(
  options: Readonly<Record<string, string>>,
  key: string,
  byDefault: number,
  least: number,
): number {
  const value = Number(options[key] ?? byDefault);
  if (value >= least) return value;
  throw new UsageError(`source.storage.${key}: must be a number, ${least} or more, not ${options[key]}`, {
    key: `source.storage.${key}`,
  });
}

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
  const remote = await Remote.connect(object.uri, options, signal);
  const { version } = object;
  // A weak etag (W/"…") never matches in If-Match: RFC 9110, section 13.1.1.
  const binding = remote.service.readsIfMatch && version.startsWith('"');
  if (!binding) await checkUnchanged(remote, object);
  return new RemoteReader(object, remote, binding ? version : undefined);
}

async function checkUnchanged(remote: Remote, object: StoredObject): Promise<void> {
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
    const { uri, size } = this.object;
    const end = offset + into.byteLength;
    if (!(offset >= 0 && end <= size)) {
      throw new StorageError(`${uri}: ends at byte ${size}, before byte ${end}`, { file: uri });
    }
    await this.#remote.read(offset, into, this.#etag);
  }

  async close(): Promise<void> {}
}
