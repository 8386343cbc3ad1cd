import { UsageError } from '../util/errors.js';

const URL_SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

/** The kinds of remote storage, by the scheme of their URLs. */
const REMOTE_SCHEMES = ['http', 'https', 's3', 'gs', 'az'] as const;
export type RemoteScheme = (typeof REMOTE_SCHEMES)[number];

/** What of the job file names a place, for messages. */
export type Section = 'source' | 'sink' | 'model' | 'transform';

/** The key of the job file that does. */
export function keyOf(section: Section): string {
  return section === 'transform' ? section : `${section}.uri`;
}

/** A URL of remote storage, taken apart. */
export interface RemoteUri {
  readonly scheme: RemoteScheme;
  /** Bucket, container, or host with its port. */
  readonly container: string;
  /** The key or path, without a slash in front, not percent-encoded; ends with `/` where the URL does. */
  readonly path: string;
}

/** Whether a location is a URL that some storage other than the local file system answers for. */
export function isRemote(location: string): boolean {
  return URL_SCHEME.test(location) && !/^file:/i.test(location);
}

/** @throws UsageError for what no storage answers for */
export function parseRemote(uri: string, section: Section = 'source'): RemoteUri {
  const wrong = (what: string, hint: string): UsageError =>
    new UsageError(`${keyOf(section)}: ${uri}: ${what}`, { key: keyOf(section), hint });
  const [prefix = '', named = ''] = URL_SCHEME.exec(uri) ?? [];
  const scheme = REMOTE_SCHEMES.find((known) => known === named.toLowerCase());
  if (scheme === undefined) {
    throw wrong(`no storage is known by ${prefix || uri}`, `Use a path, or ${listOfSchemes()}.`);
  }
  const rest = uri.slice(prefix.length);
  const slash = rest.indexOf('/');
  const container = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? '' : rest.slice(slash + 1);
  const isHttp = scheme === 'http' || scheme === 'https';
  if (container === '') {
    throw wrong(`names no ${isHttp ? 'host' : 'bucket'}`, `Write ${scheme}://NAME/path.`);
  }
  if (container.includes('@')) {
    throw wrong('has a user in front of the host', 'Credentials come from the environment only.');
  }
  return { scheme, container, path: isHttp ? decoded(path, wrong) : path };
}

/**
 * The URL of what lies beside what a URL names, or below its folder.
 *
 * @param name relative to that folder, with slashes, not percent-encoded
 */
export function besideUri(uri: string, name: string): string {
  const folder = uri.slice(0, uri.lastIndexOf('/') + 1);
  const isHttp = /^https?:/i.test(uri);
  return folder + (isHttp ? name.split('/').map(encodeURIComponent).join('/') : name);
}

/** Keys of buckets are written as they are; the paths of web servers as URLs are. */
function decoded(path: string, wrong: (what: string, hint: string) => UsageError): string {
  if (/[?#]/.test(path)) {
    throw wrong('has a query or a fragment, and only plain paths are read', 'Encode ? as %3F, # as %23.');
  }
  try {
    return decodeURIComponent(path);
  } catch {
    throw wrong('is not percent-encoded as a URL is', 'Encode % itself as %25.');
  }
}

function listOfSchemes(): string {
  const urls = REMOTE_SCHEMES.map((scheme) => `${scheme}://`);
  return `${urls.slice(0, -1).join(', ')} or ${urls.at(-1)}`;
}
