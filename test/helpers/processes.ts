import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';

/** What some tests of processes need. */
export const NO_PROC = 'no /proc to find processes in';
export const hasProc = process.platform === 'linux';

/** Processes whose parent is `pid`, by Linux's /proc. */
export function childrenOf(pid: number): number[] {
  const all = readdirSync('/proc').map(Number);
  return all.filter((candidate) => candidate > 0 && parentOf(candidate) === pid);
}

export const isAlive = (pid: number): boolean => parentOf(pid) !== undefined;

/** Undefined where there is no such process, or one that is dead and waits for its parent to take note. */
function parentOf(pid: number): number | undefined {
  try {
    // pid (name) state parent …, where the name may hold anything.
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    return state === 'Z' ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}

export interface Failure {
  readonly how: 'crash' | 'exit' | 'hang';
  /** At loading the model, at any run, or at one whose inputs hold a number. */
  readonly at: 'load' | 'run' | number;
  /** How often, in all processes. */
  readonly limit?: number;
}

/** Makes the processes of ONNX sessions fail that start before the test is over. Returns the pids of those that have. */
export function failingSessions({ how, at, limit = 1000 }: Failure): () => number[] {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-failures-'));
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  vi.stubEnv('NODE_OPTIONS', `--import=${new URL('./failing-processes.mjs', import.meta.url).href}`);
  vi.stubEnv('PENSTOCK_TEST_FAILURES', folder);
  vi.stubEnv('PENSTOCK_TEST_HOW', how);
  vi.stubEnv('PENSTOCK_TEST_AT', String(at));
  vi.stubEnv('PENSTOCK_TEST_LIMIT', String(limit));
  return () => readdirSync(folder).map((name) => Number(name.split('-')[1]));
}
