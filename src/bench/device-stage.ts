import type { Split } from '../dataset/types.js';
import { rowElements } from '../ring/layout.js';
import { bytesOf } from '../util/dtype.js';
import { DeviceError } from '../util/errors.js';
import { availableMemory } from '../util/memory.js';
import { quantileOf, rateOf } from './rate.js';
import type { FillResult } from './requests.js';
import { sizesFor } from './schedule.js';
import type { SessionThreads } from './stages.js';
import type { Subject } from './subject.js';
import type { DevicePoint } from './types.js';

/** A batch may take this share of the memory, and no more bytes than these. */
const BATCH_SHARE = 1 / 16;
const BATCH_BYTES = 512 * 2 ** 20;
/** The job's own size is measured for so many times as long as each other: most is said of it. */
const OWN_WEIGHT = 3;
const LEAST_SECONDS = 0.03;
/** A first round that is late by so much leaves out what matters least. */
const LATE = 3;
/** … and by so much, what the job could do with larger batches too. */
const MUCH_TOO_LATE = 8;

/** The device over batch sizes, round after round. */
export class DeviceStage {
  readonly #subject: Subject;
  readonly #runs = new Map<number, { readonly rates: number[]; readonly runMs: number[] }>();
  #sizes: readonly number[] | undefined;
  /** Rows of a full batch of the job's own, in the bucket that is measured. */
  #own = 0;
  readonly ceilings: number[] = [];
  readonly warnings: string[] = [];

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  /** One round. `onSize` is told what comes next. */
  async measure(
    threads: SessionThreads,
    splits: readonly Split[],
    seconds: number,
    onSize: (rows: number) => void,
  ): Promise<void> {
    const { specs, work } = this.#subject;
    const filled = await threads.fill(splits);
    const sizes = this.#sizes ?? this.#sizesOf(filled);
    const together = specs.length > 1 || work.layout.buckets.length > 1;
    const each = Math.max(LEAST_SECONDS, seconds / (sizes.length + OWN_WEIGHT * (together ? 2 : 1)));
    const startedAt = performance.now();
    const isLate = (times: number, needed = 0): boolean =>
      performance.now() - startedAt + needed > times * seconds * 1000;
    const measured: number[] = [];
    let tooLarge = Number.POSITIVE_INFINITY;
    for (const rows of sizes) {
      if (rows >= tooLarge) continue;
      if (this.#sizes === undefined) {
        if (rows < this.#own && isLate(LATE)) break;
        if (rows > this.#own && isLate(MUCH_TOO_LATE, this.#expectedMs(rows))) {
          this.warnings.push(
            `batches of ${rows} rows and more would have taken too long: give it more --seconds`,
          );
          tooLarge = rows;
          continue;
        }
      }
      onSize(rows);
      if (await this.#point(threads, rows, rows === this.#own ? OWN_WEIGHT * each : each))
        measured.push(rows);
      else tooLarge = rows;
    }
    this.#sizes ??= measured;
    if (together) this.ceilings.push((await threads.replay(OWN_WEIGHT * each)).rowsPerSecond);
    else this.ceilings.push(this.#runs.get(this.#own)?.rates.at(-1) ?? 0);
  }

  /** Of a warm-up and a run, if rows take as long as in a batch of the job's size. */
  #expectedMs(rows: number): number {
    const [first = 0] = this.#runs.get(this.#own)?.runMs ?? [];
    return (2 * first * rows) / this.#own;
  }

  /** @returns whether the device takes a batch of so many rows */
  async #point(threads: SessionThreads, rows: number, seconds: number): Promise<boolean> {
    const { refused, runMs, ...result } = await threads.point(rows, seconds);
    if (refused !== undefined && rows <= this.#own) {
      const { model } = this.#subject.work;
      throw new DeviceError(`${model}: a batch of ${rows} rows does not run by itself: ${refused}`);
    }
    if (refused !== undefined) {
      this.warnings.push(`batches of ${rows} rows were not measured: ${refused}`);
      return false;
    }
    const runs = this.#runs.get(rows) ?? { rates: [], runMs: [] };
    runs.rates.push(result.rows / result.seconds);
    // One after another: as arguments there can be too many.
    for (const ms of runMs) runs.runMs.push(ms);
    this.#runs.set(rows, runs);
    return true;
  }

  #sizesOf({ bucket }: FillResult): number[] {
    const { layout } = this.#subject.work;
    this.#own = bucket.capacity;
    if (this.isFixed) return [bucket.capacity];
    const regions = [...layout.inputs, ...layout.outputs];
    const bytes = regions.reduce(
      (sum, region) => sum + rowElements(region, bucket) * bytesOf(region.dtype),
      0,
    );
    const most = Math.min(BATCH_BYTES, availableMemory() * BATCH_SHARE) / Math.max(1, bytes);
    return sizesFor(bucket.capacity, most);
  }

  /** Whether the model takes batches of one size only. */
  get isFixed(): boolean {
    return this.#subject.model.inputs.some(({ dims }) => typeof dims?.[0] === 'number');
  }

  get own(): number {
    return this.#own;
  }

  /** Over all rounds, by batch size. */
  get curve(): DevicePoint[] {
    return [...this.#runs]
      .sort(([a], [b]) => a - b)
      .map(([batchSize, { rates, runMs }]) => ({
        batchSize,
        runMs: { p50: millis(quantileOf(runMs, 0.5)), p99: millis(quantileOf(runMs, 0.99)) },
        rowsPerSecond: rateOf(rates),
      }));
  }
}

function millis(value: number): number {
  return Math.round(value * 1000) / 1000;
}
