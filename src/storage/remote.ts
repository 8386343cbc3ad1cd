import { allOver } from '../util/ahead.js';
import { UsageError } from '../util/errors.js';
import { Budget } from './budget.js';
import { connect, type RemoteEntry, RemoteFault, type RemoteService } from './opendal.js';
import { explain } from './remote-errors.js';
import { RETRY_POLICY, type RetryPolicy, retrying } from './retry.js';
import { type Environment, serviceOf } from './services.js';
import { parseRemote, type RemoteUri, type Section } from './uri.js';

/** Larger reads and writes are cut into requests of this size, which go side by side. */
const CHUNK_BYTES = 8 * 2 ** 20;
/** Bytes that a thread has asked for and not got yet, at most. */
const BYTES_IN_FLIGHT = 64 * 2 ** 20;
/** A request counts for this much at least: so 64 of them are under way at most. */
const REQUEST_BYTES = BYTES_IN_FLIGHT / 64;
const DEFAULT_TIMEOUT_SECONDS = 10;
/** Bytes a second below which a request is given up, though it shows signs of life. */
const MIN_SPEED = 64 * 1024;
/** Objects up to this size are written in one request. */
const SINGLE_WRITE_BYTES = 2 * CHUNK_BYTES;
/** Bytes a second below which a piece of a larger one is given up: one that is written gives no sign of life meanwhile. */
const MIN_WRITE_SPEED = 256 * 1024;
const CONFLICT = 409;

const inFlight = new Budget(BYTES_IN_FLIGHT);

export interface RemoteOptions {
  /** The section of the job file that names it, for messages. Default: source. */
  readonly section?: Section;
  /** Ends what is under way; what it is aborted with is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Default: that of the process. */
  readonly env?: Environment;
}

/** A place in remote storage, and how requests to it are made. */
export class Remote {
  readonly uri: string;
  readonly place: RemoteUri;
  readonly section: Section;
  readonly service: RemoteService;
  readonly #timeoutMs: number;
  readonly #policy: RetryPolicy;
  readonly #signal: AbortSignal | undefined;

  private constructor(
    uri: string,
    place: RemoteUri,
    section: Section,
    service: RemoteService,
    timeoutMs: number,
    policy: RetryPolicy,
    signal: AbortSignal | undefined,
  ) {
    this.uri = uri;
    this.place = place;
    this.section = section;
    this.service = service;
    this.#timeoutMs = timeoutMs;
    this.#policy = policy;
    this.#signal = signal;
  }

  /** @throws UsageError for a URL or an option that can't be; StorageError where remote storage can't be read at all */
  static async connect(
    uri: string,
    options: Readonly<Record<string, string>>,
    { section = 'source', signal, env = process.env }: RemoteOptions = {},
  ): Promise<Remote> {
    const place = parseRemote(uri, section);
    const number = (key: string, byDefault: number, least: number): number =>
      numberOf(options, section, key, byDefault, least);
    const timeoutMs = number('timeout', DEFAULT_TIMEOUT_SECONDS, 0.001) * 1000;
    const policy = { ...RETRY_POLICY, retries: number('retries', RETRY_POLICY.retries, 0) };
    const writingMs = section === 'sink' ? (CHUNK_BYTES / MIN_WRITE_SPEED) * 1000 : 0;
    const limits = { timeoutMs, pieceMs: timeoutMs + writingMs };
    const service = await connect(serviceOf(place, options, env, section), limits, section);
    return new Remote(uri, place, section, service, timeoutMs, policy, signal);
  }

  stat(path: string): Promise<RemoteEntry> {
    return this.#try('looking at it', path, 0, () => this.service.stat(path));
  }

  list(prefix: string): Promise<RemoteEntry[]> {
    // A listing is many requests, one after another, each with the time-out.
    const { path } = this.place;
    return this.#try('listing it', path, Number.POSITIVE_INFINITY, () => this.service.list(prefix));
  }

  listFolder(prefix: string): Promise<RemoteEntry[]> {
    return this.#try('listing it', prefix, Number.POSITIVE_INFINITY, () => this.service.listFolder(prefix));
  }

  /** All of a small object. */
  readAll(path: string): Promise<Uint8Array> {
    return inFlight.run(REQUEST_BYTES, () =>
      this.#try('reading it', path, 0, () => this.service.readAll(path)),
    );
  }

  /** Writes an object, which is there, whole, once this resolves; large ones in several requests. */
  async write(path: string, bytes: Uint8Array): Promise<void> {
    const size = bytes.byteLength;
    if (size <= SINGLE_WRITE_BYTES)
      return this.#try('writing it', path, size, () => this.service.write(path, bytes, false));
    // Nothing is given up here that has not come back: see RemoteUpload.
    const attempt = <T>(doing: string, request: () => Promise<T>): Promise<T> =>
      this.#try(doing, path, Number.POSITIVE_INFINITY, request);
    const upload = await attempt('writing it', () => this.service.upload(path));
    for (let at = 0; at < size; at += CHUNK_BYTES) {
      const piece = bytes.subarray(at, at + CHUNK_BYTES);
      await attempt(`writing at byte ${at}`, () => upload.write(piece));
    }
    await attempt('completing it', () => upload.close());
  }

  /** Writes an object where there is none; false where there is one. Only as good as the storage's word on it. */
  async writeIfAbsent(path: string, bytes: Uint8Array): Promise<boolean> {
    return this.#try('writing it', path, bytes.byteLength, async () => {
      try {
        await this.service.write(path, bytes, true);
        return true;
      } catch (fault) {
        // Azure says that there is one as a conflict; so does S3 where somebody else is about to write it.
        if (fault instanceof RemoteFault && (fault.kind === 'changed' || fault.status === CONFLICT))
          return false;
        throw fault;
      }
    });
  }

  delete(path: string): Promise<void> {
    return inFlight.run(REQUEST_BYTES, () =>
      this.#try('removing it', path, 0, () => this.service.delete(path)),
    );
  }

  /** Fills `into`; the first error of any of its requests, once none of them may write any more. */
  async read(offset: number, into: Uint8Array, ifMatch: string | undefined): Promise<void> {
    const chunks: Promise<void>[] = [];
    for (let at = 0; at < into.byteLength; at += CHUNK_BYTES) {
      chunks.push(this.#readChunk(offset + at, into.subarray(at, at + CHUNK_BYTES), ifMatch));
    }
    await allOver(chunks);
  }

  #readChunk(offset: number, into: Uint8Array, ifMatch: string | undefined): Promise<void> {
    const size = into.byteLength;
    return inFlight.run(Math.max(size, REQUEST_BYTES), () =>
      this.#try(`reading at byte ${offset}`, this.place.path, size, async () => {
        const bytes = await this.service.read(this.place.path, offset, size, ifMatch);
        if (bytes.byteLength !== size) {
          const reason = `${bytes.byteLength} bytes came of ${size}`;
          throw new RemoteFault(reason, 'other', true, undefined, undefined);
        }
        return bytes;
      }).then((bytes) => into.set(bytes)),
    );
  }

  async #try<T>(doing: string, path: string, bytes: number, request: () => Promise<T>): Promise<T> {
    const uri = this.uriOf(path);
    const where = { uri, place: this.place, section: this.section };
    // Beside the time-out without a sign of life: one that trickles ends too.
    const limitMs = 3 * this.#timeoutMs + (bytes / MIN_SPEED) * 1000;
    const signal = this.#signal;
    return retrying(() => within(limitMs, request(), signal), {
      policy: this.#policy,
      canPass: (error) => error instanceof RemoteFault && error.canPass,
      giveUp: (error, exhausted) =>
        error instanceof RemoteFault ? explain(where, doing, error, exhausted) : (error as Error),
      signal,
    });
  }

  /** The URL of another path in the same place. */
  uriOf(path: string): string {
    if (path === this.place.path) return this.uri;
    return `${this.uri.slice(0, this.uri.length - this.place.path.length).replace(/([^/])$/, '$1/')}${path}`;
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
  section: Section,
  key: string,
  byDefault: number,
  least: number,
): number {
  const value = Number(options[key] ?? byDefault);
  if (value >= least) return value;
  throw new UsageError(`${section}.storage.${key}: must be a number, ${least} or more, not ${options[key]}`, {
    key: `${section}.storage.${key}`,
  });
}
