import type { Digests } from '../job/digests.js';
import type { Job } from '../job/schema.js';
import { UsageError } from '../util/errors.js';

/** Which code of jobs a worker runs: by default none. Models that are data are no code. */
export interface CodePolicy {
  /** Whatever it is. */
  readonly allowCode: boolean;
  /** Of modules that are run without that: `sha256:` and 64 hex digits. */
  readonly allowDigests: ReadonlySet<string>;
}

/** A module that a job brings along. */
export interface CodePiece {
  /** The key of the job file that names it. */
  readonly key: 'transform' | 'model.uri';
  readonly uri: string;
  /** Of its bytes; undefined where nobody has said it. */
  readonly digest: string | undefined;
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * Reads a policy as a user writes it.
 *
 * @throws UsageError for what is no digest
 */
export function codePolicy({
  allowCode = false,
  allowDigests = [],
}: {
  readonly allowCode?: boolean | undefined;
  readonly allowDigests?: readonly string[] | undefined;
}): CodePolicy {
  const digests = allowDigests.map((written) => {
    const digest = written.trim().toLowerCase();
    if (DIGEST.test(digest)) return digest;
    throw new UsageError(`${JSON.stringify(written)} is no digest: expected sha256: and 64 hex digits`, {
      hint: 'sha256sum transform.mjs tells the digits.',
    });
  });
  return { allowCode, allowDigests: new Set(digests) };
}

/**
 * The modules that run when a job does: its transform, and its model where that is one of the runtime `module`.
 *
 * @param digests as they were when the job was submitted
 */
export function codeOf(
  { model, transform }: Pick<Job, 'model' | 'transform'>,
  digests: Digests,
): CodePiece[] {
  const pieces: CodePiece[] = [];
  if (transform !== undefined) pieces.push({ key: 'transform', uri: transform, digest: digests.transform });
  if (model.runtime === 'module' && model.uri !== undefined)
    pieces.push({ key: 'model.uri', uri: model.uri, digest: digests.model });
  return pieces;
}

/** Whether code may run, and how. */
export type CodeVerdict =
  /** `alone`: from copies, so that what is not on the list can't be imported: see `LocalizeOptions`. */
  { readonly may: true; readonly alone: boolean } | { readonly may: false; readonly because: string };

/** What a policy says of the code of a job. `because` is a clause of a sentence about the worker: `it does not run …`. */
export function mayRun({ allowCode, allowDigests }: CodePolicy, code: readonly CodePiece[]): CodeVerdict {
  if (allowCode || code.length === 0) return { may: true, alone: false };
  const refused = code.filter(({ digest }) => digest === undefined || !allowDigests.has(digest));
  if (refused.length === 0) return { may: true, alone: true };
  const named = refused.map(({ key, digest }) => `${key} (${digest ?? 'of unknown digest'})`).join(' and ');
  const because =
    allowDigests.size === 0
      ? `it runs no code, and the job has its own: ${named}; --allow-digest or --allow-code would let it`
      : `the job's ${named} is not among the digests that it allows`;
  return { may: false, because };
}
