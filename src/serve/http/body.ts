import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { messageOf } from '../../util/errors.js';
import { Refusal } from '../refusal.js';
import { quoted } from '../wire/quoted.js';
import { HttpRefusal } from './status.js';

/** What is allocated before anything has come, however much a client says that it will send. */
const FIRST_BYTES = 64 * 1024;
/** Where elements of any type may start. */
const ALIGNMENT = 8;
const BUSY_RETRY_MS = 1000;

/** Bytes that all bodies together may take that are being read, or wait for their answer. */
export class BodyBudget {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @throws Refusal where there is no room for so many more */
  take(bytes: number): void {
    if (this.#taken + bytes > this.#most)
      throw new Refusal('full', 'too many bytes of requests are being read already', {
        retryAfterMs: BUSY_RETRY_MS,
      });
    this.#taken += bytes;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }
}

/** The body of one request, and what it takes of the budget. */
export class Body {
  readonly #request: IncomingMessage;
  readonly #budget: BodyBudget;
  readonly #most: number;
  /** Where binary data begins, which should lie so that elements can be looked at in place. */
  readonly #binaryAt: number;
  #taken = 0;

  constructor(request: IncomingMessage, budget: BodyBudget, most: number, binaryAt: number) {
    this.#request = request;
    this.#budget = budget;
    this.#most = most;
    this.#binaryAt = binaryAt;
  }

  /** @throws Refusal where it is too large, not what its encoding says, or the client goes away */
  async read(): Promise<Uint8Array> {
    const encoding = this.#request.headers['content-encoding'];
    const decode = decoderOf(encoding);
    const declared = Number(this.#request.headers['content-length'] ?? Number.NaN);
    if (declared > this.#most) throw tooLarge(this.#most);
    const sent = await this.#collect(declared);
    if (decode === undefined) return sent;
    const decoded = await decode(sent, { maxOutputLength: this.#most }).catch((error) => {
      if (error.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(this.#most);
      throw new Refusal('invalid', `the body is not ${encoding}: ${messageOf(error)}`);
    });
    this.#take(decoded.length);
    return decoded;
  }

  /** Once the request is answered. */
  release(): void {
    this.#budget.give(this.#taken);
    this.#taken = 0;
  }

  #take(bytes: number): void {
    this.#budget.take(bytes);
    this.#taken += bytes;
  }

  #collect(declared: number): Promise<Uint8Array> {
    const request = this.#request;
    const shift = (ALIGNMENT - (this.#binaryAt % ALIGNMENT)) % ALIGNMENT;
    const allocate = (size: number): Uint8Array => {
      this.#take(size);
      return new Uint8Array(new ArrayBuffer(shift + size), shift);
    };
    return new Promise((resolve, reject) => {
      const most = Number.isNaN(declared) ? this.#most : declared;
      let bytes = allocate(Math.min(most, FIRST_BYTES));
      let length = 0;
      const grow = (needed: number): void => {
        const larger = allocate(Math.min(most, Math.max(needed, 2 * bytes.length)));
        larger.set(bytes.subarray(0, length));
        this.#budget.give(bytes.length);
        this.#taken -= bytes.length;
        bytes = larger;
      };
      const fail = (error: unknown): void => {
        request.off('data', onData);
        reject(error);
      };
      const onData = (chunk: Buffer): void => {
        try {
          const end = length + chunk.length;
          if (end > this.#most) throw tooLarge(this.#most);
          if (end > bytes.length) grow(end);
          bytes.set(chunk, length);
          length = end;
        } catch (error) {
          fail(error);
        }
      };
      request.on('data', onData);
      request.once('end', () => resolve(bytes.subarray(0, length)));
      request.once('error', () =>
        fail(new Refusal('gone', 'the client went away while it sent its request')),
      );
    });
  }
}

function decoderOf(
  encoding: string | undefined,
): ((bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>) | undefined {
  switch (encoding?.toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return promisify(gunzip);
    case 'deflate':
      return promisify(inflate);
    default:
      throw new HttpRefusal(
        415,
        `the body is encoded with ${quoted(encoding)}; gzip, deflate and identity are understood`,
      );
  }
}

function tooLarge(most: number): Refusal {
  return new Refusal('too-large', `the body has more than the ${most} bytes that are taken`, {
    hint: 'Send fewer rows at once.',
  });
}
