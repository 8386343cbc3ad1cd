import { now } from '../clock/now.js';
import { pop, push } from '../util/heap.js';

/** What has a deadline. */
export interface Due {
  /** Microseconds of `now()`. */
  readonly deadline: number;
  /** Its deadline is of no interest any more. */
  readonly isOver: boolean;
}

const isBefore = (a: Due, b: Due): boolean => a.deadline < b.deadline;

/** Tells when deadlines pass: one timer for all of them. Whoever makes it stops it. */
export class Deadlines<T extends Due> {
  readonly #onPassed: (item: T) => void;
  readonly #heap: T[] = [];
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(onPassed: (item: T) => void) {
    this.#onPassed = onPassed;
  }

  add(item: T): void {
    if (item.deadline === Number.POSITIVE_INFINITY) return;
    push(this.#heap, item, isBefore);
    if (item.deadline < this.#timerAt) this.#arm(item.deadline);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#heap.length = 0;
  }

  /** What is over is kept until its time has come, but for those in front. */
  #look(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return;
      if (!first.isOver && first.deadline > now()) {
        this.#arm(first.deadline);
        return;
      }
      pop(this.#heap, isBefore);
      if (!first.isOver) this.#onPassed(first);
    }
  }

  #arm(deadline: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = deadline;
    this.#timer = setTimeout(() => this.#look(), Math.max(0, Math.ceil((deadline - now()) / 1000)));
    this.#timer.unref();
  }
}
