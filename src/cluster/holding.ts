import type { RunJob } from './bull.js';

/** Keeps a job for whoever has taken it, until `stop`: the lock of it is renewed long before it ends. */
export class Holding {
  readonly #job: RunJob;
  readonly #token: string;
  readonly #lockMs: number;
  readonly #timer: NodeJS.Timeout;
  #beating: Promise<void> | undefined;
  #isLost = false;

  /** @param onBeat is awaited at each renewal, after it */
  constructor(
    job: RunJob,
    token: string,
    lockMs: number,
    onBeat: (isLost: boolean) => Promise<void> = async () => {},
  ) {
    this.#job = job;
    this.#token = token;
    this.#lockMs = lockMs;
    const beat = (): void => {
      // While Redis is away, the one that waits is enough.
      this.#beating ??= this.#renew()
        .then(() => onBeat(this.#isLost))
        .catch(() => {})
        .finally(() => {
          this.#beating = undefined;
        });
    };
    this.#timer = setInterval(beat, Math.min(2000, lockMs / 4));
  }

  /** Whether somebody else may have the job now: it was not renewed in time. */
  get isLost(): boolean {
    return this.#isLost;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #renew(): Promise<void> {
    if (this.#isLost) return;
    this.#isLost = (await this.#job.extendLock(this.#token, this.#lockMs)) !== 1;
  }
}
