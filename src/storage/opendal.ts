import type * as OpenDAL from 'opendal';
import { messageOf, StorageError, UsageError } from '../util/errors.js';
import type { ServiceConfig } from './services.js';
import type { Section } from './uri.js';

// The only file that knows OpenDAL, which is loaded on first use: it is an optional package with a native library.

/** An object as a service describes it. */
export interface RemoteEntry {
  readonly path: string;
  readonly size: number;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** A connection to a service. Requests are made once: trying again is the caller's business. */
export interface RemoteService {
  /** Whether it has listings. */
  readonly lists: boolean;
  /** Whether a read can be bound to an etag. */
  readonly readsIfMatch: boolean;
  /** Whether it says that it can write an object only where there is none; whether it does is another matter. */
  readonly writesIfAbsent: boolean;
  stat(path: string): Promise<RemoteEntry>;
  /** All objects below a prefix that ends with `/`, or below the root: ''. */
  list(prefix: string): Promise<RemoteEntry[]>;
  /** The objects of one such folder, and its folders: their paths end with `/`. */
  listFolder(prefix: string): Promise<RemoteEntry[]>;
  /** A range of an object, of which it has all bytes; of the object with that etag only, where it is given. */
  read(path: string, offset: number, size: number, ifMatch: string | undefined): Promise<Uint8Array>;
  /** All of an object. */
  readAll(path: string): Promise<Uint8Array>;
  /** In one request, which replaces the object at once; with `ifAbsent` only where there is none, else a fault `changed`. */
  write(path: string, bytes: Uint8Array, ifAbsent: boolean): Promise<void>;
  /** Begins an object that is written in several requests, and is there, whole, once the upload is closed. */
  upload(path: string): Promise<RemoteUpload>;
  /** No fault where there is none. */
  delete(path: string): Promise<void>;
}

/**
 * An object being written in several requests. Each call may be made again after a fault, but not before it has come
 * back: time-outs are the connection's. One that is given up leaves what it has sent in storage, unseen, since the
 * binding has no call to abort it; buckets have rules to expire such.
 */
export interface RemoteUpload {
  /** The next piece: 5 MiB or more, all but the last of the same size. */
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Pieces of one upload that are under way at the same time. */
const CONCURRENT_PIECES = 4;

/** What went wrong with a request. */
export class RemoteFault extends Error {
  readonly kind: 'absent' | 'denied' | 'changed' | 'credentials' | 'ranges' | 'other';
  /** Whether the same request may go better later. */
  readonly canPass: boolean;
  readonly status: number | undefined;

  constructor(
    message: string,
    kind: RemoteFault['kind'],
    canPass: boolean,
    status: number | undefined,
    cause: unknown,
  ) {
    super(message, { cause });
    this.kind = kind;
    this.canPass = canPass;
    this.status = status;
  }
}

export type Importer = () => Promise<typeof OpenDAL>;

/** @throws StorageError where the package is missing, or has no binary for this platform */
export async function loadOpenDAL(load: Importer = () => import('opendal')): Promise<typeof OpenDAL> {
  try {
    return await load();
  } catch (cause) {
    const missing = /Cannot find (package|module) '?opendal/.test(messageOf(cause));
    const what = missing
      ? 'which is not installed'
      : `which does not load on ${process.platform} ${process.arch}: ${oneLine(messageOf(cause))}`;
    throw new StorageError(`remote storage is reached through the package opendal, ${what}`, {
      cause,
      hint: missing
        ? 'Run npm install opendal@0.49.2, or copy the data to a local path.'
        : 'Run npm install again with --include=optional, or copy the data to a local path.',
    });
  }
}

/** Connections are kept for the life of the thread, with their pools. */
const connections = new Map<string, Promise<RemoteService>>();

/** How long requests may take, milliseconds. */
export interface RequestLimits {
  /** Without any sign of life. */
  readonly timeoutMs: number;
  /** For a piece of what is read or written; one that is written gives no sign of life before its end. */
  readonly pieceMs: number;
}

/**
 * Connects to a service.
 *
 * @param section of the job file that its options are from, for messages
 */
export function connect(
  config: ServiceConfig,
  limits: RequestLimits,
  section: Section,
): Promise<RemoteService> {
  const key = JSON.stringify([config, limits]);
  const known = connections.get(key) ?? open(config, limits, section);
  connections.set(key, known);
  known.catch(() => connections.delete(key));
  return known;
}

async function open(
  { service, config }: ServiceConfig,
  { timeoutMs, pieceMs }: RequestLimits,
  section: Section,
): Promise<RemoteService> {
  const { Operator, TimeoutLayer } = await loadOpenDAL();
  const timeouts = new TimeoutLayer();
  timeouts.timeout = timeoutMs;
  timeouts.ioTimeout = pieceMs;
  try {
    return new OpenDALService(new Operator(service, config).layer(timeouts.build()));
  } catch (cause) {
    const { reason } = analyse(messageOf(cause));
    throw new UsageError(`${section}.storage: ${reason}`, { key: `${section}.storage`, cause });
  }
}

/**
 * Requests under way in this thread. A thread that ends before its requests do takes the whole process with it: OpenDAL
 * aborts where it can't deliver a result.
 */
const underWay = new Set<Promise<unknown>>();

/** Resolves once no request is under way: to be awaited before a thread that used remote storage may end. */
export async function remoteStorageAtRest(): Promise<void> {
  while (underWay.size > 0) await Promise.allSettled(underWay);
}

async function request<T>(start: () => Promise<T>): Promise<T> {
  const going = start();
  underWay.add(going);
  try {
    return await going;
  } catch (cause) {
    throw faultOf(cause);
  } finally {
    underWay.delete(going);
  }
}

class OpenDALService implements RemoteService {
  readonly lists: boolean;
  readonly readsIfMatch: boolean;
  readonly writesIfAbsent: boolean;
  readonly #operator: OpenDAL.Operator;

  constructor(operator: OpenDAL.Operator) {
    this.#operator = operator;
    const capability = operator.capability();
    this.lists = capability.list;
    this.readsIfMatch = capability.readWithIfMatch;
    this.writesIfAbsent = capability.writeWithIfNotExists;
  }

  async stat(path: string): Promise<RemoteEntry> {
    return describe(path, await request(() => this.#operator.stat(path)));
  }

  async list(prefix: string): Promise<RemoteEntry[]> {
    const entries = await request(() => this.#operator.list(prefix, { recursive: true }));
    return entries
      .filter((entry) => entry.metadata().isFile())
      .map((entry) => describe(entry.path(), entry.metadata()));
  }

  async listFolder(prefix: string): Promise<RemoteEntry[]> {
    const entries = await request(() => this.#operator.list(prefix));
    return entries
      .filter((entry) => entry.path() !== prefix && entry.path() !== '/')
      .map((entry) => describe(entry.path(), entry.metadata()));
  }

  read(path: string, offset: number, size: number, ifMatch: string | undefined): Promise<Uint8Array> {
    const range = { offset: BigInt(offset), size: BigInt(size) };
    return request(() => this.#operator.read(path, ifMatch === undefined ? range : { ...range, ifMatch }));
  }

  readAll(path: string): Promise<Uint8Array> {
    return request(() => this.#operator.read(path));
  }

  async write(path: string, bytes: Uint8Array, ifAbsent: boolean): Promise<void> {
    const options = ifAbsent ? { ifNotExists: true } : undefined;
    await request(() => this.#operator.write(path, bufferOf(bytes), options));
  }

  async upload(path: string): Promise<RemoteUpload> {
    const writer = await request(() => this.#operator.writer(path, { concurrent: CONCURRENT_PIECES }));
    return {
      write: (bytes) => request(() => writer.write(bufferOf(bytes))),
      close: () => request(() => writer.close()),
    };
  }

  delete(path: string): Promise<void> {
    return request(() => this.#operator.delete(path));
  }
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

function describe(path: string, metadata: OpenDAL.Metadata): RemoteEntry {
  const { contentLength, etag, lastModified } = metadata;
  return {
    path,
    size: Number(contentLength ?? 0n),
    etag: etag ?? undefined,
    lastModified: lastModified ?? undefined,
  };
}

/*
 * The binding reports errors as text alone: `Kind (temporary|permanent) at operation, context: { … } => reason`. What
 * it calls permanent is not always: 429 may pass, and so may a body that is too short.
 */
function faultOf(cause: unknown): RemoteFault {
  const { kind, temporary, status, reason } = analyse(messageOf(cause));
  const fault = (of: RemoteFault['kind'], canPass = false): RemoteFault =>
    new RemoteFault(reason, of, canPass, status, cause);
  if (/loading credential|no valid credential/.test(reason)) return fault('credentials');
  if (/too much data/.test(reason)) return fault('ranges');
  if (kind === 'NotFound') return fault('absent');
  if (kind === 'PermissionDenied' || status === 401 || status === 403) return fault('denied');
  if (kind === 'ConditionNotMatch' || status === 412 || status === 416) return fault('changed');
  const passes = temporary || /too little data/.test(reason) || statusPasses(status);
  return fault('other', passes);
}

/** Time-outs, conflicts of writes at the same time, too many requests, and faults of the server that are not for good. */
function statusPasses(status: number | undefined): boolean {
  if (status === undefined) return false;
  return [408, 409, 425, 429].includes(status) || (status >= 500 && status !== 501 && status !== 505);
}

interface Analysis {
  readonly kind: string;
  readonly temporary: boolean;
  readonly status: number | undefined;
  readonly reason: string;
}

function analyse(message: string): Analysis {
  const [, kind = '', persistence = ''] = /^(\w+) \((\w+)\)/.exec(message) ?? [];
  const status = /\bstatus: (\d{3})/.exec(message)?.[1];
  const arrow = message.lastIndexOf(' => ');
  const said = oneLine(arrow < 0 ? (kind === '' ? message : '') : message.slice(arrow + 4));
  const code = status === undefined ? '' : `HTTP ${status}`;
  const reason = [code, said].filter((part) => part !== '').join(': ') || kind;
  return {
    kind,
    temporary: persistence === 'temporary',
    status: status === undefined ? undefined : Number(status),
    reason,
  };
}

/** What a server says may be a page; what is in a query may be a signature. */
function oneLine(text: string): string {
  const line = text
    .replace(/\?[^\s)"]*/g, '')
    .replace(/\s+/g, ' ')
    .trim();
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
