import { now } from './now.js';
import type { TraceWriter } from './trace.js';

/** What a producer does; exactly one at a time. */
export const ProducerState = { idle: 0, fetch: 1, decode: 2, transform: 3, collate: 4, blocked: 5 } as const;
export type ProducerState = (typeof ProducerState)[keyof typeof ProducerState];

/** What a consumer does; exactly one at a time. */
export const ConsumerState = { starting: 0, running: 1, starved: 2, blocked: 3, idle: 4 } as const;
export type ConsumerState = (typeof ConsumerState)[keyof typeof ConsumerState];

/*
 * One clock, 128 bytes (two cache lines, so that no two threads write into the same one):
 *
 *   word (Int32)   0   sequence: odd while the owner writes (a seqlock)
 *   word (Int32)   1   the state that runs
 *   value (f64)    1   since when it runs, microseconds
 *   value (f64)    2…  the total of each state before that, microseconds
 *
 * Only the owner writes; anyone reads. Plain writes between two sequentially consistent writes of the sequence are
 * seen whole by a reader that finds the same even sequence before and after.
 */
const CLOCK_BYTES = 128;
const SEQUENCE = 0;
const STATE = 1;
const SINCE = 1;
const TOTALS = 2;
const STATES = 6;

/** The page of clocks; clonable between threads as it is. */
export type ClockPage = SharedArrayBuffer;

export function createClockPage(clocks: number): ClockPage {
  return new SharedArrayBuffer(clocks * CLOCK_BYTES);
}

/** The owner's side: `switch` costs two clock reads' worth of plain writes, no allocation, no lock. */
export class StateClock {
  readonly #words: Int32Array;
  readonly #values: Float64Array;
  readonly #trace: TraceWriter | undefined;

  /** Starts (or takes over from a dead owner) clock `index` in state 0. With `trace`, every change is recorded there. */
  constructor(page: ClockPage, index: number, trace?: TraceWriter) {
    this.#trace = trace;
    this.#words = new Int32Array(page, index * CLOCK_BYTES, 2);
    this.#values = new Float64Array(page, index * CLOCK_BYTES, TOTALS + STATES);
    if ((this.#words[SEQUENCE] ?? 0) % 2 !== 0) Atomics.add(this.#words, SEQUENCE, 1);
    if (this.#values[SINCE] === 0) this.#values[SINCE] = now();
    this.switch(0);
    trace?.state(0);
  }

  /** From `at` on (microseconds of `now()`), the thread is in `state`. Returns the state before. */
  switch(state: number, at = now()): number {
    const words = this.#words;
    const values = this.#values;
    const previous = words[STATE] as number;
    Atomics.add(words, SEQUENCE, 1);
    const total = TOTALS + previous;
    values[total] = (values[total] as number) + (at - (values[SINCE] as number));
    values[SINCE] = at;
    words[STATE] = state;
    Atomics.add(words, SEQUENCE, 1);
    if (this.#trace !== undefined && state !== previous) this.#trace.state(state, at);
    return previous;
  }
}

/** The reader's side of all clocks in a page. */
export class ClockReader {
  readonly #words: Int32Array;
  readonly #values: Float64Array;
  readonly #scratch = new Float64Array(STATES);
  readonly count: number;

  constructor(page: ClockPage) {
    this.#words = new Int32Array(page);
    this.#values = new Float64Array(page);
    this.count = page.byteLength / CLOCK_BYTES;
  }

  /**
   * Adds the totals of clock `index` as of `at`, microseconds by state, into `into` (at least 6 long).
   * Allocates nothing: the device ledger calls it at every change of a device's state.
   */
  addTotals(index: number, at: number, into: Float64Array): void {
    const word = (index * CLOCK_BYTES) / 4;
    const value = (index * CLOCK_BYTES) / 8;
    const scratch = this.#scratch;
    // Bounded: an owner that died in the middle of a write leaves the sequence odd; then what is there must do.
    for (let attempt = 0; attempt < 1000; attempt++) {
      const before = Atomics.load(this.#words, word + SEQUENCE);
      for (let s = 0; s < STATES; s++) scratch[s] = this.#values[value + TOTALS + s] as number;
      const since = this.#values[value + SINCE] as number;
      const state = this.#words[word + STATE] as number;
      if (since !== 0) scratch[state] = (scratch[state] as number) + Math.max(0, at - since);
      if (before % 2 === 0 && Atomics.load(this.#words, word + SEQUENCE) === before) break;
    }
    for (let s = 0; s < STATES; s++) into[s] = (into[s] as number) + (scratch[s] as number);
  }

  /** Whether clock `index` has an owner, or had one. */
  hasBegun(index: number): boolean {
    return this.current(index).since !== 0;
  }

  /** The state that clock `index` is in, and since when, microseconds of `now()`. */
  current(index: number): { readonly state: number; readonly since: number } {
    const word = (index * CLOCK_BYTES) / 4;
    const state = this.#words[word + STATE] as number;
    return { state, since: this.#values[(index * CLOCK_BYTES) / 8 + SINCE] as number };
  }

  /** The totals of one clock as of `at`, microseconds by state. */
  totals(index: number, at = now()): Float64Array {
    const totals = new Float64Array(STATES);
    this.addTotals(index, at, totals);
    return totals;
  }
}
