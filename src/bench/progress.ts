/** What a bench is at. */
export type BenchStage =
  | 'planning'
  | 'first pass'
  | 'storage'
  | 'loader'
  | 'device'
  | 'point to point'
  | 'sink'
  | 'pipeline'
  | 'sweep';

/** How far a bench is. */
export interface BenchProgress {
  /** What it is at. */
  readonly stage: BenchStage;
  /** What of it: `batches of 64`, `batch.size=8`, … */
  readonly detail?: string;
  /** From 1 on; 0 before the first. */
  readonly round: number;
  /** How many there will be. */
  readonly rounds: number;
  /** Since the start. */
  readonly elapsedSeconds: number;
  /** How long all of it will take; undefined until a first short pass has shown it. */
  readonly totalSeconds: number | undefined;
  /** 0 to 1: how much of it is done. */
  readonly done: number;
}

/** How often it is told how far things are, milliseconds. */
const TELL_MS = 250;
/** A step that takes longer than planned stands still here. */
const ALMOST = 0.95;

/** Tells how far a bench is: by the time that each of its steps was planned to take. */
export class ProgressTracker implements Disposable {
  readonly #tell: (progress: BenchProgress) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #startedAt = performance.now();
  #plannedSeconds: number | undefined;
  #rounds = 0;
  #stage: BenchStage = 'planning';
  #detail: string | undefined;
  #round = 0;
  #stretch = 1;
  /** Planned seconds of the steps that are done, and of the one at hand. */
  #behind = 0;
  #step = 0;
  #stepAt = performance.now();

  constructor(tell: ((progress: BenchProgress) => void) | undefined) {
    this.#tell = tell ?? (() => {});
    this.#timer = setInterval(() => this.#now(), TELL_MS);
    this.#timer.unref();
  }

  get elapsedSeconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /**
   * What is left takes so many seconds, in so many rounds: those of all steps, and of each again `overhead` times as much
   * to start its threads.
   */
  plan(seconds: number, rounds: number, overhead: number): void {
    this.#behind = this.elapsedSeconds;
    this.#step = 0;
    this.#stretch = 1 + overhead;
    this.#plannedSeconds = this.elapsedSeconds + seconds;
    this.#rounds = rounds;
    this.#now();
  }

  /** The step before is done; this one will take about so many seconds. */
  begin(stage: BenchStage, seconds: number, round = this.#round, detail?: string): void {
    this.#behind += this.#step;
    this.#step = this.#stretch * seconds;
    this.#stepAt = performance.now();
    this.#stage = stage;
    this.#round = round;
    this.#detail = detail;
    this.#now();
  }

  /** What of the step comes now. */
  detail(detail: string): void {
    this.#detail = detail;
    this.#now();
  }

  #now(): void {
    const total = this.#plannedSeconds;
    const spent = Math.min(ALMOST * this.#step, (performance.now() - this.#stepAt) / 1000);
    this.#tell({
      stage: this.#stage,
      ...(this.#detail === undefined ? {} : { detail: this.#detail }),
      round: this.#round,
      rounds: this.#rounds,
      elapsedSeconds: this.elapsedSeconds,
      totalSeconds: total,
      done: total === undefined ? 0 : Math.min(1, (this.#behind + spent) / total),
    });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
