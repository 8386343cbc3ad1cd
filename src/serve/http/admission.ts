import type { IncomingHttpHeaders } from 'node:http';
import { namesLoopback } from '../loopback.js';
import type { Refusal } from '../refusal.js';
import type { Token } from '../token.js';
import { quoted } from '../wire/quoted.js';
import { HttpRefusal } from './status.js';

/** Who may ask. */
export interface Admission {
  readonly token: Token | undefined;
  /**
   * Only who knows this machine by a name of loopback. A page in a browser may have a name of its own that it lets point to
   * 127.0.0.1 after it was loaded (DNS rebinding), and would be let in, being on this machine.
   */
  readonly onlyLoopback: boolean;
}

/** Why a request is not let in; undefined where it is. */
export function notAdmitted(
  { token, onlyLoopback }: Admission,
  headers: IncomingHttpHeaders,
): Refusal | undefined {
  if (token !== undefined) {
    if (token.admits(headers.authorization)) return undefined;
    return new HttpRefusal(401, 'the request needs a token: send Authorization: Bearer …');
  }
  if (!onlyLoopback || headers.host === undefined || namesLoopback(headers.host)) return undefined;
  return new HttpRefusal(
    403,
    `the request is for ${quoted(headers.host)}, and without a token only this machine is served, by its own name: ask localhost, set PENSTOCK_TOKEN, or say --insecure`,
  );
}
