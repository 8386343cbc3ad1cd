import { UsageError } from '../util/errors.js';

/** Where a queue is, and who we are there. */
export interface QueueAddress {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** For people: without user and password. */
  readonly shown: string;
}

const FORM = 'redis[s]://[user[:password]@]host[:port][/database]';
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Reads where the queue is. What is wrong with it is told without repeating it: it may hold a password.
 *
 * @param given from the command line or the caller; by default `PENSTOCK_QUEUE` of the environment
 * @throws UsageError
 */
export function queueAddress(given: string | undefined, env: NodeJS.ProcessEnv = process.env): QueueAddress {
  const text = given ?? env.PENSTOCK_QUEUE;
  const from = given === undefined ? 'PENSTOCK_QUEUE' : '--queue';
  if (text === undefined || text === '') {
    throw new UsageError('no queue is named', {
      hint: `Say where it is: --queue redis://host:6379, or PENSTOCK_QUEUE in the environment (${FORM}).`,
    });
  }
  const wrong = (what: string): UsageError =>
    new UsageError(`${from}: ${what}`, { hint: `Write it as ${FORM}.` });
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw wrong('is not a URL');
  const { protocol, hostname, port, pathname, search, hash } = url;
  if (protocol !== 'redis:' && protocol !== 'rediss:') throw wrong('is not a redis: or rediss: URL');
  if (hostname === '') throw wrong('names no host');
  if (search !== '' || hash !== '')
    throw wrong('has ? or # in it, which no setting of a queue is written with');
  if (!/^\/?\d*$/.test(pathname)) throw wrong('has a path that is not the number of a database');
  const database = Number(pathname.slice(1));
  const at = { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 6379) };
  return {
    ...at,
    database,
    tls: protocol === 'rediss:',
    username: partOf(url.username, wrong) ?? (env.PENSTOCK_QUEUE_USERNAME || undefined),
    password: partOf(url.password, wrong) ?? (env.PENSTOCK_QUEUE_PASSWORD || undefined),
    shown: `${protocol}//${hostname}:${at.port}${database === 0 ? '' : `/${database}`}`,
  };
}

function partOf(written: string, wrong: (what: string) => UsageError): string | undefined {
  try {
    return written === '' ? undefined : decodeURIComponent(written);
  } catch {
    throw wrong('has a user or password whose % signs are not those of a URL');
  }
}

/** @throws UsageError where a queue can't be called so */
export function queueName(name = 'penstock'): string {
  if (NAME.test(name)) return name;
  throw new UsageError(`--name: ${JSON.stringify(name)} is no name of a queue`, {
    hint: 'Use up to 64 letters, digits, - and _.',
  });
}
