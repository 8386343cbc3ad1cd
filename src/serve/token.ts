import { createHash, timingSafeEqual } from 'node:crypto';
import { UsageError } from '../util/errors.js';

/** The characters of a bearer token (RFC 6750). */
const TOKEN = /^[A-Za-z0-9._~+/=-]+$/;

/** What clients must know to be served. Compared in a time that does not tell how much of it was right. */
export class Token {
  readonly #digest: Buffer;

  /** @throws UsageError where no header could carry it */
  constructor(token: string) {
    if (!TOKEN.test(token)) {
      throw new UsageError('the token has characters that a header can’t carry', {
        hint: 'Use letters, digits, «.», «_», «~», «+», «/», «=» and «-».',
      });
    }
    this.#digest = digest(token);
  }

  /** @param authorization what the client sent as such: `Bearer …` */
  admits(authorization: string | undefined): boolean {
    const [, sent] = /^bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
    return sent !== undefined && timingSafeEqual(digest(sent), this.#digest);
  }
}

/** Digests are of one length, whatever was sent. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
