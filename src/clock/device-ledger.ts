import { HISTOGRAM_WORDS, Histogram } from './histogram.js';
import { STALLS, Stall, StallClock, type StallMemory } from './stall-clock.js';

/*
 * The device ledger: where one device's time went, exact by construction. Every start and end of a run on the device
 * closes the interval since the one before and books all of it:
 *
 *   busy               at least one run was in progress on the device, whichever instance's
 *   starved, blocked   no run: what the stream's stall clock counted under each of its headings meanwhile
 *
 * The window is from the start of the first run to the end of the last: the totals that count are those copied at the
 * end of a run, so what comes after the last one (the drain) is in none of them.
 *
 * A page is of one device; all but the histogram is written under the lock of the stall clock.
 *
 *   word 0   runs in progress          value 1…   totals so far, by Heading
 *   word 1   not used                  value 8…   totals as of the end of the last run
 *                                      value 13   the last change
 *                                      value 14…  totals of the stall clock at the last change
 *                                      value 18   the start of the first run (0: none yet)
 *                                      value 19   the end of the last run
 *                                      value 20   batches
 *                                      value 21   rows
 *                                      value 22   rows that fitted into those batches
 *                                      value 23   tokens: lengths of rows, summed (rows themselves where all are alike)
 *                                      value 24   tokens that ran, padding included
 *   after value 31: the histogram of run times
 */
const RUNNING = 0;
const TOTALS = 1;
const WINDOW = 8;
const LAST_CHANGE = 13;
const SEEN = 14;
const FIRST_START = 18;
const LAST_END = 19;
const BATCHES = 20;
const ROWS = 21;
const CAPACITY = 22;
const TOKENS = 23;
const PADDED = 24;
const VALUES = 32;
const HISTOGRAM_OFFSET = VALUES * 8;

/** Busy, and after it the headings of the stall clock in their order. */
const BUSY = 0;
const STALLED = 1;
const HEADINGS = STALLED + STALLS;

/** Shared memory of a ledger; clonable between threads. */
export interface LedgerMemory {
  readonly page: SharedArrayBuffer;
  /** Of the stream that the device works for. */
  readonly stalls: StallMemory;
}

/** Microseconds of one device, over its window; counts of what it ran. */
export interface DeviceTimes {
  readonly busy: number;
  readonly starved: { readonly fetch: number; readonly prep: number; readonly batching: number };
  readonly blocked: number;
  /** 0 where no run has started. */
  readonly firstStart: number;
  readonly lastEnd: number;
  readonly batches: number;
  readonly rows: number;
  readonly capacity: number;
  readonly tokens: number;
  readonly paddedTokens: number;
}

/** What ran in one batch. */
export interface BatchCounts {
  readonly rows: number;
  /** Rows that would have fitted. */
  readonly capacity: number;
  /** Lengths of its rows, summed; the rows themselves where all are of one length. */
  readonly tokens: number;
  /** What ran for them, padding of rows and of the batch included. */
  readonly paddedTokens: number;
}

/** The ledger of one more device that takes its batches from a stream. */
export function createLedgerMemory(stalls: StallMemory): LedgerMemory {
  return { page: new SharedArrayBuffer(HISTOGRAM_OFFSET + HISTOGRAM_WORDS * 4), stalls };
}

export class DeviceLedger {
  readonly #words: Int32Array;
  readonly #values: Float64Array;
  readonly #stalls: StallClock;
  readonly runMicros: Histogram;

  /** `owner`: a positive number that no other thread uses on any ledger of the stream. */
  constructor(memory: LedgerMemory, owner: number) {
    this.#words = new Int32Array(memory.page, 0, 2);
    this.#values = new Float64Array(memory.page, 0, VALUES);
    this.#stalls = new StallClock(memory.stalls, owner);
    this.runMicros = new Histogram(new Int32Array(memory.page, HISTOGRAM_OFFSET, HISTOGRAM_WORDS));
  }

  /** A consumer starts a run. Returns the moment that was booked. */
  runStarted(): number {
    this.#stalls.lock();
    const at = this.#close();
    if (this.#value(FIRST_START) === 0) this.#values[FIRST_START] = at;
    this.#words[RUNNING] = this.#running + 1;
    this.#stalls.runStarted();
    this.#stalls.unlock();
    return at;
  }

  /** A consumer's run ended: its slot goes to the sink. */
  runEnded(startedAt: number, batch: BatchCounts): void {
    this.#stalls.lock();
    const at = this.#close();
    const values = this.#values;
    this.#words[RUNNING] = this.#running - 1;
    this.#stalls.runEnded();
    values[BATCHES] = this.#value(BATCHES) + 1;
    values[ROWS] = this.#value(ROWS) + batch.rows;
    values[CAPACITY] = this.#value(CAPACITY) + batch.capacity;
    values[TOKENS] = this.#value(TOKENS) + batch.tokens;
    values[PADDED] = this.#value(PADDED) + batch.paddedTokens;
    values[LAST_END] = at;
    for (let h = 0; h < HEADINGS; h++) values[WINDOW + h] = this.#value(TOTALS + h);
    this.#stalls.unlock();
    this.runMicros.record(at - startedAt);
  }

  /** Times over the window; `live` counts what has passed since the last run ended too. */
  read(live = false): DeviceTimes {
    this.#stalls.lock();
    if (live) this.#close();
    const total = (heading: number): number => this.#value((live ? TOTALS : WINDOW) + heading);
    const times: DeviceTimes = {
      busy: total(BUSY),
      starved: {
        fetch: total(STALLED + Stall.fetch),
        prep: total(STALLED + Stall.prep),
        batching: total(STALLED + Stall.batching),
      },
      blocked: total(STALLED + Stall.blocked),
      firstStart: this.#value(FIRST_START),
      lastEnd: this.#value(LAST_END),
      batches: this.#value(BATCHES),
      rows: this.#value(ROWS),
      capacity: this.#value(CAPACITY),
      tokens: this.#value(TOKENS),
      paddedTokens: this.#value(PADDED),
    };
    this.#stalls.unlock();
    return times;
  }

  get #running(): number {
    return this.#words[RUNNING] as number;
  }

  #value(index: number): number {
    return this.#values[index] as number;
  }

  /** Under the lock: books the time since the last change, and begins the next interval now. */
  #close(): number {
    const values = this.#values;
    const stalls = this.#stalls;
    const at = stalls.advance();
    const started = this.#value(FIRST_START) > 0;
    const busy = this.#running > 0;
    if (started && busy) this.#book(BUSY, at - this.#value(LAST_CHANGE));
    for (let stall = 0; stall < STALLS; stall++) {
      const total = stalls.total(stall);
      if (started && !busy) this.#book(STALLED + stall, total - this.#value(SEEN + stall));
      values[SEEN + stall] = total;
    }
    values[LAST_CHANGE] = at;
    return at;
  }

  #book(heading: number, micros: number): void {
    this.#values[TOTALS + heading] = this.#value(TOTALS + heading) + micros;
  }
}
