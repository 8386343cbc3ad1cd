import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../util/errors.js';
import { settledWithin } from '../util/grace.js';
import type { ProcessPlan } from './processes.js';
import { PLACE_VARIABLE } from './supervised.js';

/** Between the end of a process and its next start, milliseconds: doubled each time, up to the last. */
const FIRST_RESTART_MS = 1000;
const LAST_RESTART_MS = 30_000;
/** One that has lived for so long has recovered. */
const RECOVERED_MS = 60_000;
/** What commands end with that were called in a way that can't be. */
const WRONG_USAGE = 2;
/** How long to wait for what one that is gone has said last. */
const LAST_WORDS_MS = 1000;
/** So many signals, and nobody is asked any more. */
const ENOUGH_SIGNALS = 3;

export type StopSignal = 'SIGTERM' | 'SIGINT';

/** What a supervisor does, for logs. */
export type SupervisorEvent =
  | { readonly kind: 'started'; readonly process: ProcessPlan; readonly pid: number }
  | {
      readonly kind: 'ended';
      readonly process: ProcessPlan;
      /** In a few words: `exit code 1`, `SIGKILL`. */
      readonly how: string;
      /** Undefined where it is not started again. */
      readonly restartInMs: number | undefined;
    };

export interface SupervisorOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly processes: readonly ProcessPlan[];
  /** A line that a process has written. */
  readonly onLine: (process: ProcessPlan, stream: 'stdout' | 'stderr', line: string) => void;
  readonly onEvent?: (event: SupervisorEvent) => void;
  /** What a process has sent over its channel. */
  readonly onMessage?: (process: ProcessPlan, message: unknown) => void;
  /** By default that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds, of some clock that only runs forward. */
  readonly clock?: () => number;
  /** Waits, or until the signal. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Keeps processes of one command running: one that fails is started again, after a second at first, twice as long each
 * time, half a minute at most. One that ends with 0 has done what there was to do; one that ends with 2 was called in a way
 * that can't be, and so were the others: all are ended.
 *
 * They are in groups of their own, so that a terminal's Ctrl-C reaches them through `stop` alone; and they have a channel to
 * this process, by whose end they learn that it is gone.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #children = new Map<ProcessPlan, ChildProcess>();
  readonly #stopping = new AbortController();
  #signals = 0;
  readonly #codes: number[] = [];
  /** Resolves with the exit code once all have ended for good: 0, or the worst of theirs. */
  readonly ended: Promise<number>;

  /** Starts them. */
  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.ended = Promise.all(options.processes.map((process) => this.#keep(process))).then(() =>
      this.#codes.includes(WRONG_USAGE) ? WRONG_USAGE : Math.max(0, ...this.#codes),
    );
  }

  /** Hands a signal on; none is started again. The third ends all at once. */
  stop(signal: StopSignal): void {
    this.#signals++;
    this.#stopping.abort();
    for (const child of this.#children.values())
      child.kill(this.#signals >= ENOUGH_SIGNALS ? 'SIGKILL' : signal);
  }

  async #keep(plan: ProcessPlan): Promise<void> {
    const { clock = () => performance.now(), wait = waitFor, onEvent = () => {} } = this.#options;
    let restartMs = FIRST_RESTART_MS;
    for (;;) {
      const startedAt = clock();
      const { code, how } = await this.#run(plan);
      if (clock() - startedAt >= RECOVERED_MS) restartMs = FIRST_RESTART_MS;
      const isOver = this.#stopping.signal.aborted || code === 0 || code === WRONG_USAGE;
      onEvent({ kind: 'ended', process: plan, how, restartInMs: isOver ? undefined : restartMs });
      if (isOver) {
        this.#codes.push(code);
        if (code === WRONG_USAGE && !this.#stopping.signal.aborted) this.stop('SIGTERM');
        return;
      }
      await wait(restartMs, this.#stopping.signal);
      // The signal came while none was there to have it: it has stopped as it was asked to.
      if (this.#stopping.signal.aborted) return;
      restartMs = Math.min(LAST_RESTART_MS, restartMs * 2);
    }
  }

  async #run(plan: ProcessPlan): Promise<{ readonly code: number; readonly how: string }> {
    const { command, args, onLine, onEvent, onMessage, env = process.env } = this.#options;
    const child = spawn(command, args, {
      env: { ...env, ...plan.env, [PLACE_VARIABLE]: `${plan.index}/${plan.count}` },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    this.#children.set(plan, child);
    child.on('message', (message) => onMessage?.(plan, message));
    const lines = (['stdout', 'stderr'] as const).map((name) => {
      const stream = child[name];
      if (stream === null) return undefined;
      return createInterface({ input: stream }).on('line', (line) => onLine(plan, name, line));
    });
    try {
      return await new Promise((resolve) => {
        child.once('spawn', () => onEvent?.({ kind: 'started', process: plan, pid: child.pid ?? 0 }));
        child.on('error', (error) => {
          if (child.pid === undefined) resolve({ code: 1, how: `it can't be started: ${messageOf(error)}` });
        });
        const closed = new Promise<void>((done) => child.once('close', () => done()));
        child.once('exit', async (code, signal) => {
          // What it has started may keep its pipes open.
          await settledWithin(closed, LAST_WORDS_MS);
          if (signal === null) resolve({ code: code ?? 1, how: `exit code ${code}` });
          else resolve({ code: 128 + constants.signals[signal], how: signal });
        });
      });
    } finally {
      this.#children.delete(plan);
      for (const one of lines) one?.close();
    }
  }
}

async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
