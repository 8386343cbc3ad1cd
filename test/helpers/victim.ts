import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The process was gone, or did not answer. */
export interface Lost {
  readonly lost?: 'crash' | 'hang';
}

/** How long a process may take to come up, which on a busy machine is longer than it may take to read. */
const START_MS = 60_000;

/** A process that reads damaged files; another takes over from one that is lost. */
export class Victim<Answer extends object> {
  readonly #module: URL;
  readonly #limitMs: number;
  #process: ChildProcess;
  /** Whether the process has answered before. */
  #isUp = false;

  /** @param module answers each message with another one */
  constructor(module: URL, limitMs: number) {
    this.#module = module;
    this.#limitMs = limitMs;
    this.#process = start(module);
  }

  async read(message: object): Promise<Answer & Lost> {
    const victim = this.#process;
    // A watchdog, not a wait: a small file is read in some milliseconds.
    const limitMs = this.#limitMs + (this.#isUp ? 0 : START_MS);
    let watchdog: NodeJS.Timeout | undefined;
    const outcome = await new Promise<Answer & Lost>((resolve) => {
      watchdog = setTimeout(() => resolve({ lost: 'hang' } as Answer & Lost), limitMs);
      victim.once('message', (answer) => resolve(answer as Answer));
      victim.once('exit', () => resolve({ lost: 'crash' } as Answer & Lost));
      victim.send(message);
    });
    clearTimeout(watchdog);
    victim.removeAllListeners('message').removeAllListeners('exit');
    this.#isUp = outcome.lost === undefined;
    if (outcome.lost !== undefined) {
      await this.close();
      this.#process = start(this.#module);
    }
    return outcome;
  }

  async close(): Promise<void> {
    const victim = this.#process;
    if (victim.exitCode !== null || victim.signalCode !== null) return;
    const gone = once(victim, 'exit');
    victim.kill('SIGKILL');
    await gone;
  }
}

function start(module: URL): ChildProcess {
  return fork(fileURLToPath(module), {
    execArgv: ['--max-old-space-size=128'],
    serialization: 'advanced',
    // The last words of one that runs out of memory are of no interest.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}
