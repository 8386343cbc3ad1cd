import { z } from 'zod';
import { DataError, messageOf } from '../util/errors.js';

/*
 * What stands in the queue: written by one process, read by another, which may be of another version or somebody else's. Both
 * sides check it.
 */

/** The form of it all. A worker that meets another one says so, and does not guess. */
export const FORM = 1;

const whole = z.int().nonnegative();
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hex digits');
const runId = z.string().regex(/^[0-9a-f]{16}$/, 'must be 16 hex digits');
const labels = z.record(z.string(), z.string());

const needsSchema = z.strictObject({
  runtime: z.string(),
  providers: z.array(z.string()),
  code: z.array(digest).exactOptional(),
  memoryBytes: whole.exactOptional(),
  labels,
});

const runSchema = z.strictObject({
  v: z.literal(FORM),
  run: runId,
  /** As `loadJob` gives it; `parseJob` checks it in its turn. */
  job: z.looseObject({ name: z.string() }),
  fingerprint: z.string(),
  splits: whole,
  bytes: whole,
  shards: whole,
  /** What earlier runs of the job had committed. */
  committed: z.strictObject({ parts: whole, rows: whole }),
  /** Of what the job is made of besides its data; workers check what they fetch against them. */
  digests: z.strictObject({ model: digest.exactOptional(), transform: digest.exactOptional() }),
  needs: needsSchema,
  priority: z.int().min(1),
  weight: z.number().positive(),
  submittedAt: z.iso.datetime(),
});

/** A run, as it stands in the queue. */
export type RunPayload = z.output<typeof runSchema>;

const shardSchema = z.strictObject({ v: z.literal(FORM), run: runId, index: whole, count: whole.min(1) });

/** One of its shards. `index` is 0-based. */
export type ShardPayload = z.output<typeof shardSchema>;

const share = z.number();
const shares = {
  busy: share,
  starved: z.object({ total: share, fetch: share, prep: share, batching: share }),
  blocked: share,
};

const deviceSchema = z.object({
  id: z.string(),
  runtime: z.string(),
  provider: z.string(),
  simulated: z.boolean(),
  instances: whole,
  batches: whole,
  rows: whole,
  /** From the first batch to the last. */
  seconds: z.number(),
  ...shares,
});

const resultSchema = z.object({
  v: z.literal(FORM),
  worker: z.string(),
  host: z.string(),
  /** Milliseconds since the epoch. */
  startedAt: z.number(),
  seconds: z.number(),
  rows: z.object({ read: whole, written: whole, deadLettered: whole, resumed: whole }),
  batches: z.object({ count: whole, rows: z.number() }),
  devices: z.array(deviceSchema),
  warnings: z.array(z.string()),
});

/** What a shard came to. */
export type ShardResult = z.output<typeof resultSchema>;
export type DeviceResult = z.output<typeof deviceSchema>;

const progressSchema = z.object({
  rows: z.number(),
  rowsPerSecond: z.number(),
  splits: whole,
  totalSplits: whole,
  seconds: z.number(),
  ...shares,
  /** Why nothing moves, where that is so. */
  note: z.string().exactOptional(),
});

/** How a shard stands. */
export type ShardProgress = z.output<typeof progressSchema>;

const offerSchema = z.object({
  providers: z.record(z.string(), z.array(z.string())).nullable(),
  memoryBytes: z.number(),
  labels,
  code: z.object({ all: z.boolean(), digests: z.array(z.string()) }),
});

const registrationSchema = z.object({
  v: z.literal(FORM),
  id: z.string(),
  host: z.string(),
  pid: z.int(),
  version: z.string(),
  since: z.iso.datetime(),
  offer: offerSchema,
  process: z.object({ index: whole, count: whole }).exactOptional(),
  draining: z.boolean(),
  /** Shards that it has done, and their rows. */
  done: z.object({ shards: whole, rows: whole }),
  at: z
    .object({ run: runId, job: z.string(), index: whole, count: whole, since: z.iso.datetime() })
    .nullable(),
});

/** What a worker says of itself. */
export type Registration = z.output<typeof registrationSchema>;

/** What the queue holds of a run. @throws DataError in a sentence */
export const readRun = (value: unknown): RunPayload => read('the run', runSchema, value);
export const readShard = (value: unknown): ShardPayload => read('the shard', shardSchema, value);
export const readResult = (value: unknown): ShardResult => read('the result of a shard', resultSchema, value);

/** The run, where it can be read. */
export function glanceAtRun(value: unknown): RunPayload | undefined {
  return runSchema.safeParse(value).data;
}

/** What others have written for people to see: where it can't be read, there is none. */
export const glance = {
  progress: (value: unknown): ShardProgress | undefined => progressSchema.safeParse(value).data,
  registration: (value: unknown): Registration | undefined => registrationSchema.safeParse(value).data,
};

function read<T>(what: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const form = z.object({ v: z.number() }).safeParse(value).data?.v;
  if (form !== undefined && form !== FORM) {
    throw new DataError(
      `${what} in the queue is of form ${form}, and this version of Penstock reads form ${FORM}`,
      {
        hint: 'Use the same version of Penstock to submit and on all workers.',
      },
    );
  }
  const [issue] = result.error.issues;
  const key = issue?.path.join('.') ?? '';
  throw new DataError(
    `${what} in the queue is malformed: ${key === '' ? '' : `${key}: `}${issue?.message ?? messageOf(result.error)}`,
    { hint: 'Nothing but Penstock should write to its queue. Submit the job again.' },
  );
}
