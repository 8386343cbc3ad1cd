import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const BUCKET = 'data';
const ETAG = '"penstock-stress"';
const MODIFIED = new Date(1e12);
/** Names in one answer to a listing, as S3 has it. */
const PAGE = 1000;

/**
 * A storage that takes its time: what S3 answers to listings and to reads of ranges, with one object under many names, on
 * 127.0.0.1 alone. Whoever starts it disposes of it.
 */
export class ObjectServer implements AsyncDisposable {
  readonly #bytes: Uint8Array;
  readonly #names: readonly string[];
  readonly #delayMs: number;
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy());
  });

  private constructor(bytes: Uint8Array, copies: number, delayMs: number) {
    this.#bytes = bytes;
    this.#names = Array.from({ length: copies }, (_, i) => `${String(i).padStart(6, '0')}.arrow`);
    this.#delayMs = delayMs;
  }

  /** @param delayMs how long each answer takes, beside what it takes anyway */
  static async start(bytes: Uint8Array, copies: number, delayMs: number): Promise<ObjectServer> {
    const server = new ObjectServer(bytes, copies, delayMs);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get #origin(): string {
    const address = this.#server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return `http://127.0.0.1:${port}`;
  }

  /** All objects, as the source of a job. */
  get source(): { readonly uri: string; readonly storage: Readonly<Record<string, string>> } {
    return {
      uri: `s3://${BUCKET}`,
      storage: { endpoint: this.#origin, allow_anonymous: 'true', region: 'us-east-1' },
    };
  }

  /** One object. */
  get url(): string {
    return `${this.#origin}/${BUCKET}/${this.#names[0] ?? ''}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.#origin);
    await sleep(this.#delayMs);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead) response.writeHead(405).end();
    else if (url.searchParams.has('list-type')) this.#list(url.searchParams, response);
    else if (this.#names.includes(url.pathname.slice(BUCKET.length + 2))) this.#send(request, response);
    else response.writeHead(404).end();
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const prefix = query.get('prefix') ?? '';
    const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
    const left = this.#names.filter((name) => name.startsWith(prefix) && name > after);
    const page = left.slice(0, PAGE);
    const isCut = page.length < left.length;
    const next = isCut ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
    const contents = page.map(
      (name) =>
        `<Contents><Key>${name}</Key><Size>${this.#bytes.byteLength}</Size><ETag>${ETAG}</ETag><LastModified>${MODIFIED.toISOString()}</LastModified></Contents>`,
    );
    response.writeHead(200, { 'content-type': 'application/xml' });
    response.end(
      `<?xml version="1.0"?><ListBucketResult><IsTruncated>${isCut}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`,
    );
  }

  #send(request: IncomingMessage, response: ServerResponse): void {
    const { byteLength } = this.#bytes;
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const from = Number(range?.[1] ?? 0);
    const to = Math.min(byteLength, range?.[2] ? Number(range[2]) + 1 : byteLength);
    response.writeHead(range === null ? 200 : 206, {
      etag: ETAG,
      'last-modified': MODIFIED.toUTCString(),
      'accept-ranges': 'bytes',
      'content-length': to - from,
      ...(range === null ? {} : { 'content-range': `bytes ${from}-${to - 1}/${byteLength}` }),
    });
    response.end(request.method === 'HEAD' ? undefined : this.#bytes.subarray(from, to));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
