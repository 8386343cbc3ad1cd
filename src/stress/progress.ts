import type { ServerKind } from './types.js';

/** How far a stress test is. */
export interface StressProgress {
  /** `capacity`, or the title of a scenario. */
  readonly step: string;
  /** Which of the two servers; undefined between them. */
  readonly server: ServerKind | undefined;
  /** From 1 on; 0 before the first. */
  readonly number: number;
  /** How many there will be. */
  readonly steps: number;
  /** Since the start. */
  readonly elapsedSeconds: number;
  /** How long all of it will take; undefined until that is known. */
  readonly totalSeconds: number | undefined;
  /** 0 to 1: how much of it is done. */
  readonly done: number;
}

const TELL_MS = 250;

/** Tells how far a stress test is, by the number of its steps, which take about as long each. */
export class StressTracker implements Disposable {
  readonly #tell: (progress: StressProgress) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #startedAt = performance.now();
  #step = 'starting';
  #server: ServerKind | undefined;
  #number = 0;
  #steps = 0;
  #stepSeconds = 1;
  #begunAt = performance.now();
  #totalSeconds: number | undefined;

  constructor(tell: ((progress: StressProgress) => void) | undefined) {
    this.#tell = tell ?? (() => {});
    this.#timer = setInterval(() => this.#now(), TELL_MS);
    this.#timer.unref();
  }

  get elapsedSeconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /** So many steps are left, of about so many seconds each. */
  plan(steps: number, stepSeconds: number): void {
    this.#steps = steps;
    this.#stepSeconds = stepSeconds;
    this.#totalSeconds = this.elapsedSeconds + steps * stepSeconds;
    this.#now();
  }

  begin(step: string, server: ServerKind): void {
    this.#step = step;
    this.#server = server;
    this.#number++;
    this.#begunAt = performance.now();
    this.#now();
  }

  #now(): void {
    // One that takes longer than planned stands still.
    const spent = Math.min(0.95, (performance.now() - this.#begunAt) / 1000 / this.#stepSeconds);
    const done = this.#number === 0 ? 0 : (this.#number - 1 + spent) / Math.max(1, this.#steps);
    this.#tell({
      step: this.#step,
      server: this.#server,
      number: this.#number,
      steps: this.#steps,
      elapsedSeconds: this.elapsedSeconds,
      totalSeconds: this.#totalSeconds,
      done: Math.min(1, done),
    });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
