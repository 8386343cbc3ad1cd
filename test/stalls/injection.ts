import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type JobInput, type Report, runJob } from 'penstock';
import { expect } from 'vitest';
import { start } from '../cli/penstock.js';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';

export type At = (...names: string[]) => string;

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
export const DELAYS = at('delays.mjs');
const SLOW_DISK = new URL('slow-disk.mjs', import.meta.url).href;

/** Record batches of rows, and what the transform waits for each of them, milliseconds. */
export interface Batches {
  readonly rows: number;
  readonly waits: readonly number[];
  /** Lengths of the rows, in turn. */
  readonly lengths?: readonly number[];
}

/** Files of ids, one value a row, waits and lengths. Returns their folder. */
export function writeFiles(folder: string, files: readonly Batches[]): string {
  mkdirSync(folder);
  files.forEach(({ rows, waits, lengths = [1] }, file) => {
    const batches = waits.map((wait, b) => {
      const ids = Array.from({ length: rows }, (_, i) => (file * waits.length + b) * rows + i);
      return [
        int32('id', ids),
        vectors('x', 1, ids),
        int32(
          'wait',
          ids.map(() => wait),
        ),
        int32(
          'length',
          ids.map((_, i) => lengths[i % lengths.length] ?? 1),
        ),
      ];
    });
    writeArrow(`${folder}/${String(file).padStart(3, '0')}.arrow`, batches);
  });
  return folder;
}

/** A job on a device that takes `serviceMs` a batch. */
export function jobOf(source: string, serviceMs: number, changes: Partial<JobInput> = {}): JobInput {
  return {
    name: 'injected',
    source: { uri: source },
    model: { runtime: 'simulated', options: { batchMicros: serviceMs * 1000 } },
    inputs: { x: { dtype: 'float32', shape: [1] } },
    batch: { size: 64 },
    ring: { slots: 8 },
    producers: 1,
    sink: { format: 'none' },
    ...changes,
  };
}

/** The same, with the waits of the data in its transform. */
export const delayed = (source: string, serviceMs: number, changes: Partial<JobInput> = {}): JobInput =>
  jobOf(source, serviceMs, { transform: DELAYS, ...changes });

export async function report(job: JobInput): Promise<Report> {
  return runJob(job);
}

/** Runs it in a process whose disk takes so much longer to make a part durable. */
export async function onSlowDisk(at: At, job: JobInput, milliseconds: number): Promise<Report> {
  writeFileSync(at('job.json'), JSON.stringify({ ...job, sink: { uri: at('out') } }));
  const env = { NODE_OPTIONS: `--import ${SLOW_DISK}`, SLOW_DISK_MS: String(milliseconds) };
  const { code, stdout, stderr } = await start(['run', at('job.json'), '--json'], { env }).ended;
  expect(stderr).not.toContain('error');
  expect(code).toBe(0);
  return JSON.parse(stdout) as Report;
}

/** Shares of the device's time, by the share for which it was busy; those that are not named are nothing. */
export type Truth = (busy: number) => {
  readonly fetch?: number;
  readonly prep?: number;
  readonly batching?: number;
  readonly blocked?: number;
};

/** Seconds from the first batch to the end of the last. */
const windowOf = ({ seconds, startupSeconds, drainSeconds }: Report): number =>
  seconds - startupSeconds - drainSeconds;

/**
 * Each share of each device within 0.05 of what was injected. `serviceMs`: what a batch takes on the device, which makes it
 * busy for at least that long; on a machine with other things to do it sleeps for longer, and how long is not what these
 * tests are about.
 */
export function expectShares(report: Report, serviceMs: number, truth: Truth): void {
  for (const device of report.devices) {
    const { busy, blocked } = device;
    const { total, ...starved } = device.starved;
    expect(Math.abs(busy + total + blocked - 1)).toBeLessThanOrEqual(0.01);
    expect(busy).toBeGreaterThanOrEqual((device.batches * serviceMs) / 1000 / windowOf(report) - 0.05);
    const found = { ...starved, blocked };
    const injected = { fetch: 0, prep: 0, batching: 0, blocked: 0, ...truth(busy) };
    const wrong = (['fetch', 'prep', 'batching', 'blocked'] as const).filter(
      (cause) => Math.abs(found[cause] - injected[cause]) > 0.05,
    );
    expect(wrong, `busy ${busy}: injected ${show(injected)}, found ${show(found)}`).toEqual([]);
  }
}

const show = (shares: object): string =>
  Object.entries(shares)
    .map(([name, share]) => `${name} ${(share as number).toFixed(3)}`)
    .join(', ');
