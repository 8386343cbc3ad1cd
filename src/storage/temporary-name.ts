import { randomBytes } from 'node:crypto';

/** A name for a file on its way to another one, in the same folder; no two processes choose the same. */
export function temporaryName(file: string): string {
  return `.${file}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
}

/** The file that a temporary one was on its way to; undefined where a name is no such name. */
export function temporaryOf(name: string): string | undefined {
  return /^\.(.+)\.\d+-[0-9a-f]{8}\.tmp$/.exec(name)?.[1];
}
