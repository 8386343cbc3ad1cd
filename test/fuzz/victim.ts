import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What reading a file came to: nothing, or an error; or the process was gone, or did not answer. */
export interface Outcome {
  readonly known?: boolean;
  readonly text?: string;
  readonly rss?: number;
  readonly lost?: 'crash' | 'hang';
}

/** A process that reads damaged files; another takes over from one that is lost. */
export class Victim {
  readonly #limitMs: number;
  #process = start();

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  async read(bytes: Uint8Array, atOnce: boolean): Promise<Outcome> {
    const victim = this.#process;
    // A watchdog, not a wait: a small file is read in some milliseconds.
    let watchdog: NodeJS.Timeout | undefined;
    const outcome = await new Promise<Outcome>((resolve) => {
      watchdog = setTimeout(() => resolve({ lost: 'hang' }), this.#limitMs);
      victim.once('message', (answer) => resolve(answer as Outcome));
      victim.once('exit', () => resolve({ lost: 'crash' }));
      victim.send({ bytes, atOnce });
    });
    clearTimeout(watchdog);
    victim.removeAllListeners('message').removeAllListeners('exit');
    if (outcome.lost !== undefined) {
      await this.close();
      this.#process = start();
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

function start(): ChildProcess {
  return fork(fileURLToPath(new URL('./victim.mjs', import.meta.url)), {
    execArgv: ['--max-old-space-size=128'],
    serialization: 'advanced',
    // The last words of one that runs out of memory are of no interest.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}
