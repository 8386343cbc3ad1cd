import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

/**
 * What happens to a request instead of its answer: a status; the connection `reset`; a body that is `short`, with an
 * honest length; one that is `cut` off before its promised length; one that `stall`s after its first byte; or answered
 * as if it had asked for all (`whole`).
 * `lost`: the request is carried out, and the connection reset instead of its answer.
 * @typedef {{ status?: number, reset?: boolean, short?: boolean, cut?: boolean, stall?: boolean, whole?: boolean,
 *   lost?: boolean }} Fault
 * @typedef {{ method: string, path: string, range: readonly [number, number] | undefined,
 *   ifMatch: string | undefined, ifNoneMatch: string | undefined, list: boolean, authorization: string | undefined,
 *   query: string, bytes: number }} Seen
 * `conditions`: what becomes of If-None-Match when something is written: true by default, 412 where it does not hold;
 * 'conflict': 409 there; false: passed over in silence; 'refused': 501. `now`: the clock, which says when something was written, milliseconds.
 * @typedef {{ latencyMs?: number, pageSize?: number, weakEtags?: boolean, etags?: boolean, times?: boolean,
 *   conditions?: boolean | 'conflict' | 'refused', now?: () => number,
 *   fault?: (seen: Seen, count: number) => Fault | undefined }} Options
 */

/**
 * An HTTP server of objects in memory: what a web server answers to HEAD and GET with ranges, and of S3 listings in pages,
 * writes, in one request or several, and removals. A path is `/bucket/key`.
 */
export class ObjectServer {
  /** @type {Map<string, { bytes: Uint8Array, etag: string, modified: Date }>} */
  objects = new Map();
  /** Every request, in the order of arrival. @type {Seen[]} */
  seen = [];
  /** Requests that were under way at the same time, at most. */
  mostAtOnce = 0;
  /** @type {Options} */
  options;
  /** Objects that are being written in several requests, by their id. @type {Map<string, Map<number, Uint8Array>>} */
  uploads = new Map();
  /** @type {WeakMap<Uint8Array, string>} */
  #etags = new WeakMap();
  #underWay = 0;
  #server;

  /** @param {Options} [options] */
  constructor(options = {}) {
    this.options = options;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /**
   * Starts it; returns `http://127.0.0.1:PORT`.
   * @param {string} [host] another address of this machine
   */
  async listen(host = '127.0.0.1') {
    this.#server.listen(0, host);
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no address');
    return `http://${host}:${address.port}`;
  }

  async close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /**
   * @param {string} path `/bucket/key`
   * @param {Uint8Array} bytes
   */
  put(path, bytes) {
    const etag = this.#etags.get(bytes) ?? createHash('md5').update(bytes).digest('hex');
    this.#etags.set(bytes, etag);
    const time = this.options.now?.() ?? 1e12 + this.objects.size * 1000;
    this.objects.set(path, { bytes, etag: `"${etag}"`, modified: new Date(time) });
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async #answer(request, response) {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const writes = request.method !== 'GET' && request.method !== 'HEAD';
    const body = writes ? await bodyOf(request) : new Uint8Array(0);
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    /** @type {Seen} */
    const seen = {
      method: request.method ?? '',
      path: decodeURIComponent(url.pathname),
      range: range === null ? undefined : [Number(range[1]), Number(range[2]) + 1],
      ifMatch: request.headers['if-match'],
      ifNoneMatch: request.headers['if-none-match'],
      list: url.searchParams.has('list-type'),
      query: url.search,
      bytes: body.byteLength,
      authorization: request.headers.authorization,
    };
    this.seen.push(seen);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#underWay);
    const { latencyMs, fault } = this.options;
    if (latencyMs !== undefined) await new Promise((resolve) => setTimeout(resolve, latencyMs));
    // Over before its answer is sent: a client may have all of that, and ask for more, before this side hears that it has gone.
    this.#underWay--;
    const injected = fault?.(seen, this.seen.length) ?? {};
    if (injected.reset) request.socket.destroy();
    else if (injected.status !== undefined) response.writeHead(injected.status).end('injected');
    else if (injected.lost) {
      if (writes) this.#write(seen, url.searchParams, body);
      request.socket.destroy();
    } else if (writes) {
      const { status, headers, text } = this.#write(seen, url.searchParams, body);
      response.writeHead(status, headers).end(text);
    } else if (seen.list) this.#list(seen.path.slice(1), url.searchParams, response);
    else this.#send(seen, injected, response);
  }

  /**
   * @param {Seen} seen
   * @param {URLSearchParams} query
   * @param {Uint8Array} body
   * @returns {{ status: number, headers?: Record<string, string>, text?: string }}
   */
  #write({ method, path, ifNoneMatch }, query, body) {
    const id = query.get('uploadId') ?? '';
    if (method === 'DELETE') {
      if (id === '') this.objects.delete(path);
      else this.uploads.delete(id);
      return { status: 204 };
    }
    if (method === 'POST' && query.has('uploads')) {
      const next = `upload-${this.seen.length}`;
      this.uploads.set(next, new Map());
      const text = `<InitiateMultipartUploadResult><UploadId>${next}</UploadId></InitiateMultipartUploadResult>`;
      return { status: 200, text };
    }
    if (id !== '') return this.#writePiece(id, method, path, Number(query.get('partNumber')), body);
    if (ifNoneMatch !== undefined && this.options.conditions === 'refused') return { status: 501 };
    if (ifNoneMatch === '*' && this.options.conditions !== false && this.objects.has(path))
      return { status: this.options.conditions === 'conflict' ? 409 : 412 };
    this.put(path, body);
    return { status: 200, headers: { etag: this.#etagOf(path) } };
  }

  /**
   * @param {string} id
   * @param {string} method
   * @param {string} path
   * @param {number} number
   * @param {Uint8Array} body
   */
  #writePiece(id, method, path, number, body) {
    const pieces = this.uploads.get(id);
    if (pieces === undefined) return { status: 404 };
    if (method === 'PUT') {
      pieces.set(number, body);
      return { status: 200, headers: { etag: `"${number}"` } };
    }
    this.uploads.delete(id);
    const inOrder = [...pieces].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
    this.put(path, Buffer.concat(inOrder));
    const text = '<CompleteMultipartUploadResult><ETag>"1"</ETag></CompleteMultipartUploadResult>';
    return { status: 200, text };
  }

  /**
   * @param {string} bucket
   * @param {URLSearchParams} query
   * @param {import('node:http').ServerResponse} response
   */
  #list(bucket, query, response) {
    const prefix = `/${bucket}/${query.get('prefix') ?? ''}`;
    const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
    const delimited = query.has('delimiter');
    const below = [...this.objects.keys()].filter((path) => path.startsWith(prefix));
    /** @param {string} path */
    const folderIn = (path) => {
      const slash = delimited ? path.indexOf('/', prefix.length) : -1;
      return slash < 0 ? undefined : path.slice(0, slash + 1);
    };
    const all = [...new Set(below.map((path) => folderIn(path) ?? path))].sort();
    const left = all.filter((path) => path > after);
    const page = left.slice(0, this.options.pageSize ?? 1000);
    const last = page.length < left.length ? page.at(-1) : undefined;
    const contents = page.map((path) => {
      const key = escapeXml(path.slice(bucket.length + 2));
      if (delimited && path.endsWith('/')) return `<CommonPrefixes><Prefix>${key}</Prefix></CommonPrefixes>`;
      const { bytes, modified } = this.#get(path);
      return `<Contents><Key>${key}</Key><Size>${bytes.byteLength}</Size><ETag>${escapeXml(this.#etagOf(path))}</ETag><LastModified>${modified.toISOString()}</LastModified></Contents>`;
    });
    const next =
      last === undefined ? '' : `<NextContinuationToken>${escapeXml(last)}</NextContinuationToken>`;
    response.writeHead(200, { 'content-type': 'application/xml' });
    response.end(
      `<?xml version="1.0"?><ListBucketResult><IsTruncated>${last !== undefined}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`,
    );
  }

  /**
   * @param {Seen} seen
   * @param {Fault} fault
   * @param {import('node:http').ServerResponse} response
   */
  #send({ method, path, range, ifMatch }, fault, response) {
    if (!this.objects.has(path)) return void response.writeHead(404).end();
    const etag = this.#etagOf(path);
    if (ifMatch !== undefined && ifMatch !== etag) return void response.writeHead(412).end();
    const { bytes, modified } = this.#get(path);
    const isPart = range !== undefined && !fault.whole;
    const body = isPart ? bytes.subarray(...range) : bytes;
    const sent = fault.short && method === 'GET' ? body.subarray(0, body.byteLength >> 1) : body;
    response.writeHead(isPart ? 206 : 200, {
      ...(this.options.etags === false ? {} : { etag }),
      ...(this.options.times === false ? {} : { 'last-modified': modified.toUTCString() }),
      'content-length': sent.byteLength,
      ...(isPart ? { 'content-range': `bytes ${range[0]}-${range[1] - 1}/${bytes.byteLength}` } : {}),
    });
    if (method === 'HEAD') response.end();
    else if (fault.cut) response.write(sent.subarray(0, 1), () => response.destroy());
    else if (fault.stall) response.write(sent.subarray(0, 1));
    else response.end(sent);
  }

  /** @param {string} path */
  #etagOf(path) {
    const { etag } = this.#get(path);
    return this.options.weakEtags ? `W/${etag}` : etag;
  }

  /** @param {string} path */
  #get(path) {
    const object = this.objects.get(path);
    if (object === undefined) throw new Error(`no object ${path}`);
    return object;
  }
}

/** @param {import('node:http').IncomingMessage} request */
async function bodyOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

/** @param {string} text */
function escapeXml(text) {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
