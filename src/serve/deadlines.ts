import { now } from '../clock/now.js';
import { pop, push, retain } from '../util/heap.js';

/** What has a deadline. */
export interface Due {
  /** Microseconds of `now()`. */
  readonly deadline: number;
  /** Its deadline is of no interest any more. */
  readonly isOver: boolean;
}

const isBefore = (a: Due, b: Due): boolean => a.deadline < b.deadline;

/** Items below which the heap is not looked through for those that are over. */
const LEAST_SWEEP = 32;

/** Tells when deadlines pass: one timer for all of them. Whoever makes it stops it. */
export class Deadlines<T extends Due> {
  readonly #onPassed: (item: T) => void;
  readonly #heap: T[] = [];
  #sweepAt = LEAST_SWEEP;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(onPassed: (item: T) => void) {
    this.#onPassed = onPassed;
  }

  add(item: T): void {
    if (item.deadline === Number.POSITIVE_INFINITY) return;
    if (this.#heap.length >= this.#sweepAt) this.#sweep();
    push(this.#heap, item, isBefore);
    if (item.deadline < this.#timerAt) this.#arm(item.deadline);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#heap.length = 0;
  }

  /** Most are over long before their deadline: the heap is no more than twice as large as it must be. */
  #sweep(): void {
    retain(this.#heap, ({ isOver }) => !isOver, isBefore);
    this.#sweepAt = Math.max(LEAST_SWEEP, 2 * this.#heap.length);
  }

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
