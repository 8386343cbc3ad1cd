/** Where a fault lies, as far as it is known: every field narrows the one before. */
export interface Place {
  /** A file, as the user named it. */
  readonly file?: string;
  /** 1-based line in `file`. */
  readonly line?: number;
  /** Dotted key in a job file, for instance `batch.size`. */
  readonly key?: string;
  /** Of the data. */
  readonly column?: string;
  /** 0-based row in `file`. */
  readonly row?: number;
}

/** What an error carries beside its sentence. */
export interface ErrorDetails extends Place {
  /** What to do about it: one imperative sentence. */
  readonly hint?: string;
  /** What it comes from, where that was an error itself. */
  readonly cause?: unknown;
}

/**
 * An error that Penstock understands: one sentence that says what is wrong, where, and what was expected.
 * `exitCode` is what the command line ends with.
 */
export class PenstockError extends Error {
  /** Of its class: `USAGE`, `IN_USE`, `DATA`, `STORAGE`, `QUEUE`, `DEVICE`, `STUCK`, `INTERRUPTED`, `INTERNAL`. */
  readonly code: string = 'PENSTOCK';
  /** What the command line ends with: 2 for a mistake of the user's, 130 for an interruption, else 1. */
  readonly exitCode: number = 1;
  /** Where the fault lies, as far as it is known: `file`, `line`, `key`, `column`, `row`. */
  readonly place: Place;
  /** What to do about it: one imperative sentence. */
  readonly hint: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    const { hint, cause, ...place } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.place = place;
    this.hint = hint;
  }

  /** The sentence with its hint, for people. */
  explain(): string {
    return this.hint === undefined ? this.message : `${this.message}\n  ${this.hint}`;
  }
}

/** The command line or the job file is wrong; nothing was started. */
export class UsageError extends PenstockError {
  override readonly code: string = 'USAGE';
  override readonly exitCode = 2;
}

/** Another run is at work on the same output, or the same part of it: once it has ended, the same call succeeds. */
export class InUseError extends UsageError {
  override readonly code = 'IN_USE';
}

/** The input data is not what it claims to be, or does not fit the model. */
export class DataError extends PenstockError {
  override readonly code = 'DATA';
}

/** Reading or writing failed below us: a missing file, a full disk, a refused connection. */
export class StorageError extends PenstockError {
  override readonly code = 'STORAGE';
}

/** The queue of jobs can't be reached, refuses us, or does not know a run. */
export class QueueError extends PenstockError {
  override readonly code = 'QUEUE';
}

/** A model does not load, or a device refuses or fails. */
export class DeviceError extends PenstockError {
  override readonly code: string = 'DEVICE';
}

/**
 * A run of a model does not come back, or nothing in a run moves any more. A thread that hangs in native code can't be ended,
 * only the whole process: an orderly `process.exit` would wait for it.
 */
export class StuckError extends DeviceError {
  override readonly code = 'STUCK';
  /** The state of everything, for whoever looks for the fault: a few lines. */
  readonly state: string | undefined;

  constructor(message: string, { state, ...details }: ErrorDetails & { readonly state?: string } = {}) {
    super(message, details);
    this.state = state;
  }
}

/** The caller's AbortSignal, or Ctrl-C. What was committed stays; the same job resumes. */
export class InterruptedError extends PenstockError {
  override readonly code = 'INTERRUPTED';
  override readonly exitCode = 130;
}

/** A fault of ours: shown with its cause chain, unlike a user's mistake. */
export class InternalError extends PenstockError {
  override readonly code = 'INTERNAL';
}

/** What `structuredClone` may carry between threads; errors' own classes do not survive it. */
export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly place: Place;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
}

const CLASSES = new Map<string, new (message: string, details: ErrorDetails) => PenstockError>([
  ['USAGE', UsageError],
  ['IN_USE', InUseError],
  ['DATA', DataError],
  ['STORAGE', StorageError],
  ['QUEUE', QueueError],
  ['DEVICE', DeviceError],
  ['STUCK', StuckError],
  ['INTERRUPTED', InterruptedError],
  ['INTERNAL', InternalError],
]);

/** An error as a plain record that a message can carry. */
export function toRecord(error: unknown): ErrorRecord {
  if (error instanceof PenstockError) {
    const { code, message, place, hint, stack } = error;
    return { code, message, place, hint, stack };
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: 'INTERNAL', message, place: {}, hint: undefined, stack };
}

/** The error that `toRecord` was given, with its class put back. */
export function fromRecord(record: ErrorRecord): PenstockError {
  const Class = CLASSES.get(record.code) ?? InternalError;
  const details = record.hint === undefined ? record.place : { ...record.place, hint: record.hint };
  const error = new Class(record.message, details);
  if (record.stack !== undefined) error.stack = record.stack;
  return error;
}

/** `cause` where it is one of ours, else `wrap(cause)`: so that a known error is never wrapped twice. */
export function asPenstockError(cause: unknown, wrap: (cause: unknown) => PenstockError): PenstockError {
  return cause instanceof PenstockError ? cause : wrap(cause);
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
