import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { endGroup, lastLine, TAIL } from '../../support/process.mjs';

const POLL_MS = 100;
const GRACE_MS = 15_000;

/** Nobody is told that it was started, and it asks for no token. */
const OURS = { BENTOML_DO_NOT_TRACK: 'True', RAY_USAGE_STATS_ENABLED: '0', PENSTOCK_TOKEN: undefined };

/** A server's process, and whatever that started. Whoever starts it ends it. */
export class ServerProcess {
  #child;
  #exited;
  #said = '';
  #onExit = () => endGroup(this.#child.pid);

  constructor([command, ...args], { env, cwd }) {
    // What it says is no use to anybody, until it fails.
    this.#child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...OURS, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    this.#exited = once(this.#child, 'exit').catch((error) => {
      this.#said = error.message;
    });
    this.#child.stderr.on('data', (text) => {
      this.#said = (this.#said + text).slice(-TAIL);
    });
    process.once('exit', this.#onExit);
  }

  get #isOver() {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /**
   * Resolves once `probe` is true.
   *
   * @throws Error where it ends before, or it takes longer than `limitSeconds`
   */
  async ready(probe, limitSeconds) {
    const end = performance.now() + limitSeconds * 1000;
    while (!this.#isOver && performance.now() < end) {
      if (await probe()) return;
      await sleep(POLL_MS);
    }
    const why = this.#isOver ? 'ended before it was ready' : `not ready within ${limitSeconds} s`;
    throw new Error(`${why}: ${lastLine(this.#said) ?? 'it said nothing'}`);
  }

  /** Asks it to end; where it does not, it is ended, with all that it has started. */
  async end() {
    if (!this.#isOver) this.#child.kill('SIGTERM');
    await Promise.race([this.#exited, sleep(GRACE_MS, undefined, { ref: false })]);
    if (this.#child.pid !== undefined) endGroup(this.#child.pid);
    process.off('exit', this.#onExit);
    await this.#exited;
    this.#child.stderr.destroy();
  }
}
