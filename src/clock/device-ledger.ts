import { HISTOGRAM_WORDS, Histogram } from './histogram.js';
import { Stall, StallClock, type StallMemory } from './stall-clock.js';

/*
 * The device ledger: where one device's time went, exact by construction. Every start and end of a run on the device
 * closes the interval since the one before and books all of it under one heading, or all of it split:
 *
 *   busy       at least one run was in progress on the device, whichever instance's
 *   otherwise, when the idle stretch ends with the batch that it was waiting for:
 *   handoff    the batch was there before the device was idle: the moments from one run to the next, which are long only where
 *              the machine's cores are busy with other things. Read as a part of batching
 *   batching   the rows of that batch had waited for company that did not come: since the last of them came. And what the
 *              stall clock counted as nobody's
 *   blocked    what the stall clock counted as such, and, where that is less, as much as producers could have been ahead
 *              since the stretch before: had the sink not held the slots, the batch would have been there by so much earlier
 *   fetch,     the rest, in the proportion in which the stall clock counted them
 *   prep
 *
 * The window is from the start of the first run to the end of the last: the totals that count are those copied at the
 * end of a run, so what comes after the last one (the drain) is in none of them.
 *
 * A page is of one device; all but the histogram is written under the lock of the stall clock.
 *
 *   word 0   runs in progress          value 1…   totals so far, by Heading
 *   word 1   not used                  value 7…   totals as of the end of the last run
 *                                      value 13   the last change
 *                                      value 14…  totals of the stall clock when the device became idle; `ahead`: when an
 *                                                 idle stretch ended last
 *                                      value 19   the start of the first run (0: none yet)
 *                                      value 20   the end of the last run
 *                                      value 21   batches
 *                                      value 22   rows
 *                                      value 23   rows that fitted into those batches
 *                                      value 24   tokens: lengths of rows, summed (rows themselves where all are alike)
 *                                      value 25   tokens that ran, padding included
 *   after value 31: the histogram of run times
 */
const RUNNING = 0;
const TOTALS = 1;
const WINDOW = 7;
const LAST_CHANGE = 13;
const SEEN = 14;
const FIRST_START = 19;
const LAST_END = 20;
const BATCHES = 21;
const ROWS = 22;
const CAPACITY = 23;
const TOKENS = 24;
const PADDED = 25;
const VALUES = 32;
const HISTOGRAM_OFFSET = VALUES * 8;

const Heading = { busy: 0, fetch: 1, prep: 2, batching: 3, blocked: 4, handoff: 5 } as const;
const HEADINGS = 6;

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
  /** Idle although the next batch was there; in `starved.batching` too. */
  readonly handoff: number;
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

  /**
   * A consumer starts a run. Returns the moment that was booked.
   *
   * @param completeAt when the last of its rows was there
   * @param inVain whether they waited after that for company that did not come
   */
  runStarted(completeAt = Number.POSITIVE_INFINITY, inVain = false): number {
    this.#stalls.lock();
    const at = this.#stalls.advance();
    if (this.#value(FIRST_START) === 0) this.#values[FIRST_START] = at;
    else if (this.#running > 0) this.#book(Heading.busy, at - this.#value(LAST_CHANGE));
    else this.#bookIdle(at, completeAt, inVain);
    if (this.#running === 0) this.#values[SEEN + Stall.ahead] = this.#stalls.total(Stall.ahead);
    this.#values[LAST_CHANGE] = at;
    this.#words[RUNNING] = this.#running + 1;
    this.#stalls.runStarted();
    this.#stalls.unlock();
    return at;
  }

  /** A consumer's run ended: its slot goes to the sink. */
  runEnded(startedAt: number, batch: BatchCounts): void {
    this.#stalls.lock();
    const at = this.#stalls.advance();
    const values = this.#values;
    this.#book(Heading.busy, at - this.#value(LAST_CHANGE));
    values[LAST_CHANGE] = at;
    this.#words[RUNNING] = this.#running - 1;
    if (this.#running === 0) {
      for (let stall = 0; stall < Stall.ahead; stall++) values[SEEN + stall] = this.#stalls.total(stall);
    }
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

  /**
   * Times over the window; `live`: up to now, an idle stretch that has not ended as the stall clock counts it. (When it ends,
   * some of it may be booked under another heading.)
   */
  read(live = false): DeviceTimes {
    this.#stalls.lock();
    const at = live ? this.#stalls.advance() : 0;
    const isOpen = live && this.#value(FIRST_START) > 0;
    const total = (heading: number): number => this.#value((live ? TOTALS : WINDOW) + heading);
    const idle = (stall: number): number => (isOpen && this.#running === 0 ? this.#stalled(stall) : 0);
    const busy = isOpen && this.#running > 0 ? at - this.#value(LAST_CHANGE) : 0;
    const times: DeviceTimes = {
      busy: total(Heading.busy) + busy,
      starved: {
        fetch: total(Heading.fetch) + idle(Stall.fetch),
        prep: total(Heading.prep) + idle(Stall.prep),
        batching: total(Heading.batching) + total(Heading.handoff) + idle(Stall.other),
      },
      handoff: total(Heading.handoff),
      blocked: total(Heading.blocked) + idle(Stall.blocked),
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

  /** What the stall clock has counted since the device became idle, or, of `ahead`, since it last was. */
  #stalled(stall: number): number {
    return Math.max(0, this.#stalls.total(stall) - this.#value(SEEN + stall));
  }

  /** The stretch since the last run ended, in the order of the headings above. */
  #bookIdle(at: number, completeAt: number, inVain: boolean): void {
    const idleSince = this.#value(LAST_CHANGE);
    if (completeAt <= idleSince && !inVain) {
      this.#book(Heading.handoff, at - idleSince);
      return;
    }
    const blocked = this.#stalled(Stall.blocked);
    const other = this.#stalled(Stall.other);
    const work = this.#stalled(Stall.fetch) + this.#stalled(Stall.prep);
    // The rest of the stretch, whatever rounding has made of the parts.
    const starved = Math.max(0, at - idleSince - blocked);
    const waited = inVain ? Math.min(starved, Math.max(0, at - Math.max(completeAt, idleSince))) : 0;
    const behind = Math.min(starved - waited, Math.max(0, this.#stalled(Stall.ahead) - blocked));
    // Producers without room come off what was nobody's first.
    const nobodys = work + other > 0 ? ((starved - waited) * other) / (work + other) : starved - waited;
    const idle = Math.max(0, nobodys - behind);
    const theirs = starved - waited - behind - idle;
    this.#book(Heading.blocked, at - idleSince - starved + behind);
    this.#book(Heading.batching, waited + idle);
    if (work > 0) {
      this.#book(Heading.fetch, (theirs * this.#stalled(Stall.fetch)) / work);
      this.#book(Heading.prep, (theirs * this.#stalled(Stall.prep)) / work);
    }
  }

  #book(heading: number, micros: number): void {
    this.#values[TOTALS + heading] = this.#value(TOTALS + heading) + micros;
  }
}
