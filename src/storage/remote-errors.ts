import { StorageError } from '../util/errors.js';
import { RemoteFault } from './opendal.js';
import type { Exhausted } from './retry.js';
import { CREDENTIALS } from './services.js';
import { keyOf, type RemoteUri, type Section } from './uri.js';

interface Where {
  readonly uri: string;
  readonly place: RemoteUri;
  readonly section: Section;
}

/** A fault in words for whoever runs the job: what it is, where, and what to do. */
export function explain(where: Where, doing: string, fault: RemoteFault, exhausted: Exhausted): StorageError {
  const { uri } = where;
  const { what, hint } = wording(where, doing, fault, exhausted);
  const details = { file: uri, cause: fault };
  return new StorageError(`${uri}: ${what}`, hint === undefined ? details : { ...details, hint });
}

/** The fault behind an error of ours; undefined where there is none. */
export function faultIn(error: unknown): RemoteFault | undefined {
  return error instanceof StorageError && error.cause instanceof RemoteFault ? error.cause : undefined;
}

/** Whether an error says that there is no such object. */
export function isAbsence(error: unknown): boolean {
  return faultIn(error)?.kind === 'absent';
}

function wording(
  { place: { scheme, container }, section }: Where,
  doing: string,
  { kind, message, status }: RemoteFault,
  exhausted: Exhausted,
): { what: string; hint?: string } {
  switch (kind) {
    case 'absent':
      if (section !== 'sink') return { what: 'no such object', hint: `Check ${keyOf(section)}.` };
      return {
        what: `${doing} failed: is there a bucket ${container}? (${message})`,
        hint: 'Check sink.uri.',
      };
    case 'denied':
      return { what: `access was denied (${message})`, hint: accessHint(scheme, section) };
    case 'credentials':
      return { what: `there are no credentials for it (${message})`, hint: accessHint(scheme, section) };
    case 'changed':
      return {
        what: `the file changed since it was listed (${message})`,
        hint: 'Run the job again once the data is at rest.',
      };
    case 'ranges':
      return {
        what: `${doing} failed: the server sends more than was asked for, so it can't send parts of files`,
        hint: 'Copy the data to a local path, or to a server that answers range requests.',
      };
    default:
      return {
        what: `${doing} failed${tries(exhausted)}: ${message}`,
        ...(status !== undefined && [301, 307, 400].includes(status) && scheme === 's3'
          ? { hint: `Check ${regionOf(section)}: the bucket may be in another region.` }
          : {}),
      };
  }
}

function tries({ attempts, elapsedMs }: Exhausted): string {
  return attempts === 1 ? '' : ` ${attempts} times in ${(elapsedMs / 1000).toFixed(1)} s`;
}

/** What is fetched whole is reached as the environment says; only data have options of their own. */
function regionOf(section: Section): string {
  const has = section === 'source' || section === 'sink';
  return has
    ? `${section}.storage.region and endpoint`
    : 'AWS_REGION and AWS_ENDPOINT_URL in the environment';
}

function accessHint(scheme: RemoteUri['scheme'], section: Section): string {
  const set = `Set ${CREDENTIALS[scheme]} in the environment`;
  if (section === 'sink') return `${set}, of somebody who may list, read, write and delete there.`;
  if (section !== 'source' && !scheme.startsWith('http')) return `${set}, of somebody who may read it.`;
  switch (scheme) {
    case 's3':
    case 'gs':
      return `${set}, or source.storage.allow_anonymous: true where the data is public.`;
    case 'az':
      return `${set}; public data is read through its https:// URL.`;
    default:
      return `${set}, if the server wants one.`;
  }
}
