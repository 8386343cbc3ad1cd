import { InternalError, InterruptedError, messageOf, PenstockError, StuckError } from '../util/errors.js';
import type { Colors, Terminal } from './terminal.js';
import { wrap } from './text.js';

export interface FailOptions {
  /** Whether stdout gets a document that tells of the failure. */
  readonly json: boolean;
  /** The job's name, where it came that far. */
  readonly job: string | undefined;
}

/** Tells people, and with `json` programs too, why a command failed. Returns its exit code. */
export function fail(error: unknown, terminal: Terminal, { json, job }: FailOptions): number {
  terminal.print(errorText(error, terminal.colors, terminal.sentenceWidth));
  if (json) terminal.document(errorDocument(error, job));
  return error instanceof PenstockError ? error.exitCode : 1;
}

/**
 * An error for people: what is wrong and what to do about it. Only a fault of ours comes with a stack: it helps nobody
 * to mend a job file. Sentences are wrapped into `width` columns; where none are given they stay whole, for logs.
 */
export function errorText(error: unknown, colors: Colors, width = Number.POSITIVE_INFINITY): string {
  if (!(error instanceof PenstockError) || error instanceof InternalError) return faultText(error, colors);
  const paint = error instanceof InterruptedError ? colors.yellow : colors.red;
  // A message of several lines tells of several mistakes; they stay in one column, and each is told from the one before.
  const mistakes = error.message.split('\n');
  const hanging = mistakes.length > 1 ? '  ' : '';
  const [first, ...others] = mistakes.flatMap((mistake) =>
    wrap(mistake, width - MARK.length - hanging.length).map((line, i) => (i === 0 ? line : hanging + line)),
  );
  const lines = [
    `${paint(MARK.trimEnd())} ${first}`,
    ...others.map((line) => ' '.repeat(MARK.length) + line),
  ];
  // A line of a hint that is indented is a command to be copied.
  const hint = error.hint
    ?.split('\n')
    .flatMap((line) => (line.startsWith(' ') ? [line] : wrap(line, width - 2)));
  lines.push(...(hint ?? []).map((line) => `  ${line}`));
  if (error instanceof StuckError && error.state !== undefined) {
    lines.push(...error.state.split('\n').map((line) => `  ${colors.dim(line)}`));
  }
  return lines.join('\n');
}

const MARK = 'penstock: ';

function faultText(error: unknown, colors: Colors): string {
  const lines = [`${colors.red('penstock: internal error:')} ${messageOf(error)}`];
  for (const cause of causesOf(error)) lines.push(`  caused by: ${messageOf(cause)}`);
  const stack = error instanceof Error ? error.stack : undefined;
  // The first lines of a stack are the message again.
  const frames = stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? [];
  lines.push(...frames.map((frame) => colors.dim(frame)));
  lines.push('  This is a fault of Penstock, not of your job: please report it, with these lines.');
  return lines.join('\n');
}

function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  let at = error;
  // A chain can end in a circle.
  while (at instanceof Error && at.cause !== undefined && causes.length < 10) {
    at = at.cause;
    causes.push(at);
  }
  return causes;
}

/** What programs are told of a failure. Every field is always there. */
export interface ErrorDocument {
  readonly job: string | null;
  readonly status: 'failed' | 'interrupted';
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint: string | null;
    readonly file: string | null;
    readonly line: number | null;
    readonly key: string | null;
    readonly row: number | null;
    readonly column: string | null;
  };
}

export function errorDocument(error: unknown, job: string | undefined): ErrorDocument {
  const known = error instanceof PenstockError ? error : undefined;
  const { file, line, key, row, column } = known?.place ?? {};
  return {
    job: job ?? null,
    status: error instanceof InterruptedError ? 'interrupted' : 'failed',
    error: {
      code: known?.code ?? 'INTERNAL',
      message: messageOf(error),
      hint: known?.hint ?? null,
      file: file ?? null,
      line: line ?? null,
      key: key ?? null,
      row: row ?? null,
      column: column ?? null,
    },
  };
}
