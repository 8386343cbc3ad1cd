import { randomUUID } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { loadJob, runJob } from 'penstock';
import { expect, inject } from 'vitest';
import { type Ended, type Started, start } from '../cli/penstock.js';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';
import { hasProc } from '../helpers/processes.js';
import { workspace } from '../helpers/workspace.js';

/*
 * A trial is one job, run as whole processes of the built command line, to which faults are done. What is to hold after
 * each of them is here: the bytes of an undisturbed run, or one clear sentence with all that was committed intact; then
 * a run that ends well leaves nothing behind that an undisturbed one does not.
 */

/** Environment variables by which the processes of a trial are known, whoever started them. */
const MARK = 'PENSTOCK_TEST_TRIAL';

/** Seed of everything that is left to chance; another one is drawn for long runs. */
export const SEED = Number(process.env.PENSTOCK_FAULTS_SEED ?? 20);

export const FORMATS = ['arrow', 'parquet', 'jsonl'] as const;

export const FILES = 8;
export const ROWS = 250;

/** Eight files of an id and 32 numbers a row: eight splits. */
export function writeFiles(directory: string): string {
  mkdirSync(directory);
  for (let file = 0; file < FILES; file++) {
    const ids = Array.from({ length: ROWS }, (_, i) => file * ROWS + i);
    const values = ids.flatMap((id) => Array.from({ length: 32 }, (_, k) => (id * 31 + k) % 1009));
    writeArrow(join(directory, `${file}.arrow`), [[int32('id', ids), vectors('x', 32, values)]]);
  }
  return directory;
}

/** A job over such files on a simulated device that takes a few milliseconds a batch. */
export function simulated(data: string, sink: object, settings: object = {}): object {
  return {
    name: 'trial',
    source: { uri: data },
    model: { runtime: 'simulated', options: { batchMicros: 4000 } },
    inputs: { x: {} },
    batch: { size: 50 },
    // Few, so that faults in the middle find something left to be read.
    ring: { slots: 4 },
    ...settings,
    sink: { keep: ['id', 'x'], ...sink },
  };
}

/** A fault is done; the result tells that no harm came of it. */
export function tried(kind: string): () => void {
  const count = (what: string): void => appendFileSync(inject('faultCounts'), `${what}\t${kind}\n`);
  count('tried');
  return () => count('survived');
}

export type Content = ReadonlyMap<string, Buffer>;

/** All files below a directory but leases, by name. */
export function contentOf(directory: string): Map<string, Buffer> {
  const names = existsSync(directory) ? readdirSync(directory, { recursive: true, withFileTypes: true }) : [];
  const files = names.filter((entry) => !entry.isDirectory());
  const paths = files.map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
  return new Map(paths.sort().map((path) => [path, readFileSync(join(directory, path))]));
}

const isLease = (name: string): boolean => /^_manifest\/lease-(\d+of\d+-)?\d+\.json$/.test(name);

export class Trial {
  readonly at: (...names: string[]) => string;
  readonly out: string;
  readonly #mark = randomUUID();
  readonly #file: string;
  readonly #runs: Started[] = [];
  #reference: Content | undefined;

  /** `jobOf` is given where the output goes. The directories are there already, so that they can be watched. */
  constructor(jobOf: (out: string) => object, at = workspace(), out = at('out')) {
    this.at = at;
    this.out = out;
    this.#file = at('job.yaml');
    writeFileSync(this.#file, JSON.stringify(jobOf(out)));
    mkdirSync(join(out, '_manifest'), { recursive: true });
  }

  /** What an undisturbed run leaves, without its lease. */
  async reference(): Promise<Content> {
    if (this.#reference === undefined) {
      const directory = this.at('undisturbed');
      await runJob(await loadJob(this.#file, { set: [`sink.uri=${directory}`, 'sink.storage={}'] }));
      const content = contentOf(directory);
      expect(content.has('_SUCCESS')).toBe(true);
      this.#reference = new Map([...content].filter(([name]) => !isLease(name)));
    }
    return this.#reference;
  }

  run(env: Readonly<Record<string, string>> = {}, ...flags: string[]): Started {
    const run = start(['run', this.#file, ...flags], { env: { ...env, [MARK]: this.#mark } });
    this.#runs.push(run);
    return run;
  }

  /** Once `count` changes of the output directory have been seen, or the run has ended. */
  async changes(count: number, { ended }: Started): Promise<void> {
    await this.#watched(ended, () => --count <= 0);
  }

  /** Once that many parts are committed, or the run has ended. */
  async commits(count: number, { ended }: Started): Promise<void> {
    await this.#watched(ended, () => this.committed().length >= count);
  }

  async #watched(ended: Promise<unknown>, isEnough: () => boolean): Promise<void> {
    const watchers = [this.out, join(this.out, '_manifest')].map((directory) => watch(directory));
    const enough = new Promise<void>((resolve) => {
      for (const watcher of watchers) {
        watcher.on('change', () => isEnough() && resolve());
        watcher.on('error', () => resolve());
      }
    });
    await Promise.race([enough, ended]);
    for (const watcher of watchers) watcher.close();
  }

  /** The names of the parts that have entries. */
  committed(): string[] {
    const names = readdirSync(join(this.out, '_manifest'));
    return names.flatMap((name) => /^(part-\d+)\.json$/.exec(name)?.[1] ?? []);
  }

  /** Whatever has happened: parts that have entries are there as an undisturbed run makes them. */
  async expectIntact(content: Content = contentOf(this.out)): Promise<void> {
    const reference = await this.reference();
    for (const name of content.keys()) {
      if (!/^_manifest\/part-\d+\.json$/.test(name)) continue;
      expect(content.get(name)?.equals(reference.get(name) as Buffer), name).toBe(true);
      const { file } = JSON.parse(String(content.get(name)));
      expect(content.get(file)?.equals(reference.get(file) as Buffer), file).toBe(true);
    }
    // A run that is killed while it lets go of its lease may leave a temporary file; its successor removes that.
    if (content.has('_SUCCESS'))
      expect([...content.keys()]).toEqual(expect.arrayContaining([...reference.keys()]));
  }

  #expectWhole(content: Content, reference: Content, count: number): void {
    const [leases, others] = [new Map<string, Buffer>(), new Map<string, Buffer>()];
    for (const [name, bytes] of content) (isLease(name) ? leases : others).set(name, bytes);
    expect([...others.keys()].join(' ')).toBe([...reference.keys()].join(' '));
    // Text only where they differ: it is large.
    for (const [name, bytes] of others) expect(bytes.equals(reference.get(name) as Buffer), name).toBe(true);
    expect(leases.size).toBe(count);
    for (const lease of leases.values()) expect(JSON.parse(String(lease))).toMatchObject({ released: true });
  }

  /** The bytes of an undisturbed run, nothing else but so many leases that were let go, and no process. */
  async expectDone(
    { code, stderr }: Ended,
    content: Content = contentOf(this.out),
    leases = 1,
  ): Promise<void> {
    expect(code, stderr).toBe(0);
    this.#expectWhole(content, await this.reference(), leases);
    await this.expectNoProcess();
  }

  /** One sentence of what is wrong, without a stack; what was committed is intact, and no process is left. */
  async expectFailed(
    { code, signal, stderr }: Ended,
    message: string | RegExp,
    content: Content = contentOf(this.out),
  ): Promise<void> {
    expect({ code, signal }, stderr).toEqual({ code: 1, signal: null });
    expectClear(stderr, message);
    expect(content.has('_SUCCESS')).toBe(false);
    await this.expectIntact(content);
    await this.expectNoProcess();
  }

  /** Runs the job again, which is to end well. */
  async resume(env: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.expectDone(await this.run(env).ended);
  }

  /** A process that is left notices by itself that its parent is gone; that takes it a moment. */
  async expectNoProcess(): Promise<void> {
    await Promise.all(this.#runs.map(({ ended }) => ended));
    if (hasProc)
      await expect.poll(() => processesWith(`${MARK}=${this.#mark}`), { timeout: 20_000 }).toEqual([]);
  }
}

/** One message for people, about the job rather than about our code. */
export function expectClear(stderr: string, message: string | RegExp): void {
  const lines = stderr.split('\n').filter((line) => line.startsWith('penstock: '));
  expect(lines, stderr).toHaveLength(1);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).not.toContain('internal error');
}

function processesWith(setting: string): number[] {
  const all = readdirSync('/proc').map(Number);
  return all.filter((pid) => {
    try {
      return pid > 0 && readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(setting);
    } catch {
      return false;
    }
  });
}
