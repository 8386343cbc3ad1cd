import { messageOf } from './errors.js';

/** What the operating system's codes mean to people; each follows `can't be opened:`. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'access is denied',
  EPERM: 'that is not permitted',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'it, or something above it, is a file, not a directory',
  EEXIST: 'it, or something above it, is a file, not a directory',
  EISDIR: 'it is a directory',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of disk space is used up',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open on this machine',
  ENAMETOOLONG: 'its name is too long',
  ELOOP: 'it is a link to itself',
};

/** The code of an error of the operating system, such as `ENOENT`. */
export function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
}

/** Why something failed, without what Node says beside it: its code, the call, and the path, which is told already. */
export function reasonOf(cause: unknown, own: Readonly<Record<string, string>> = {}): string {
  const code = codeOf(cause) ?? '';
  return own[code] ?? REASONS[code] ?? messageOf(cause);
}
