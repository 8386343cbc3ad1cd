import { Mutex } from '../util/mutex.js';
import { HISTOGRAM_WORDS, Histogram } from './histogram.js';
import { now } from './now.js';
import { type ClockPage, ClockReader, ProducerState } from './state-clock.js';

/*
 * The device ledger: where one device's time went, exact by construction. Every change of what the device does closes
 * the interval since the change before it and books all of it under exactly one heading:
 *
 *   busy      at least one run is in progress, whichever instance's
 *   blocked   no run, and the sink holds every slot
 *   starved   no run otherwise; split by what the producers' own clocks did during exactly that interval
 *
 * The window is from the start of the first run to the end of the last: the totals that count are those copied at the
 * end of a run, so what comes after the last one (the drain) is in none of them.
 *
 *   word 0   lock, of Mutex            value 2…   totals so far, by Heading
 *   word 1   sleepers, of Mutex        value 8…   totals as of the end of the last run
 *   word 2   runs in progress          value 16   the last change
 *   word 3   slots that the sink holds value 17   the start of the first run (0: none yet)
 *   word 4…  histogram of run times    value 18   the end of the last run
 *                                      value 19   batches
 *                                      value 20   rows
 *                                      value 21   rows that fitted into those batches
 *                                      value 22…  producers' fetch, prep, other time at the last change
 *                                      value 25   tokens: lengths of rows, summed (rows themselves where all are alike)
 *                                      value 26   tokens that ran, padding included
 */
const RUNNING = 2;
const HELD = 3;
const TOTALS = 2;
const WINDOW = 8;
const LAST_CHANGE = 16;
const FIRST_START = 17;
const LAST_END = 18;
const BATCHES = 19;
const ROWS = 20;
const CAPACITY = 21;
const SNAPSHOT = 22;
const TOKENS = 25;
const PADDED = 26;
const VALUES = 32;
const HISTOGRAM_OFFSET = VALUES * 8;

const Heading = { busy: 0, fetch: 1, prep: 2, batching: 3, blocked: 4 } as const;
const HEADINGS = 5;

/** Shared memory of a ledger; clonable between threads. */
export interface LedgerMemory {
  readonly page: SharedArrayBuffer;
  /** The clocks of the producers that feed this device. */
  readonly producers: ClockPage;
  readonly slots: number;
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

export function createLedgerMemory(producers: ClockPage, slots: number): LedgerMemory {
  return { page: new SharedArrayBuffer(HISTOGRAM_OFFSET + HISTOGRAM_WORDS * 4), producers, slots };
}

export class DeviceLedger {
  readonly #words: Int32Array;
  readonly #values: Float64Array;
  readonly #mutex: Mutex;
  readonly #producers: ClockReader;
  readonly #slots: number;
  readonly #owner: number;
  readonly #totals = new Float64Array(8);
  readonly runMicros: Histogram;

  /** `owner`: a positive number that no other thread uses on this ledger. */
  constructor(memory: LedgerMemory, owner: number) {
    this.#words = new Int32Array(memory.page, 0, 4);
    this.#values = new Float64Array(memory.page, 0, VALUES);
    this.#mutex = new Mutex(this.#words, 0, 1);
    this.#producers = new ClockReader(memory.producers);
    this.#slots = memory.slots;
    this.#owner = owner;
    this.runMicros = new Histogram(new Int32Array(memory.page, HISTOGRAM_OFFSET, HISTOGRAM_WORDS));
  }

  /** A consumer starts a run. Returns the moment that was booked. */
  runStarted(): number {
    this.#mutex.lock(this.#owner);
    const at = this.#close();
    if (this.#values[FIRST_START] === 0) {
      this.#values[FIRST_START] = at;
      this.#values[LAST_CHANGE] = at;
    }
    this.#words[RUNNING] = this.#word(RUNNING) + 1;
    this.#mutex.unlock();
    return at;
  }

  /** A consumer's run ended: its slot goes to the sink. */
  runEnded(startedAt: number, batch: BatchCounts): void {
    this.#mutex.lock(this.#owner);
    const at = this.#close();
    const values = this.#values;
    this.#words[RUNNING] = this.#word(RUNNING) - 1;
    this.#words[HELD] = this.#word(HELD) + 1;
    values[BATCHES] = this.#value(BATCHES) + 1;
    values[ROWS] = this.#value(ROWS) + batch.rows;
    values[CAPACITY] = this.#value(CAPACITY) + batch.capacity;
    values[TOKENS] = this.#value(TOKENS) + batch.tokens;
    values[PADDED] = this.#value(PADDED) + batch.paddedTokens;
    values[LAST_END] = at;
    for (let h = 0; h < HEADINGS; h++) values[WINDOW + h] = this.#value(TOTALS + h);
    this.#mutex.unlock();
    this.runMicros.record(at - startedAt);
  }

  /** The sink gave a slot back. */
  slotReleased(): void {
    this.#mutex.lock(this.#owner);
    this.#close();
    this.#words[HELD] = this.#word(HELD) - 1;
    this.#mutex.unlock();
  }

  /** Times over the window; `live` counts what has passed since the last run ended too. */
  read(live = false): DeviceTimes {
    this.#mutex.lock(this.#owner);
    if (live) this.#close();
    const base = live ? TOTALS : WINDOW;
    const times: DeviceTimes = {
      busy: this.#value(base + Heading.busy),
      starved: {
        fetch: this.#value(base + Heading.fetch),
        prep: this.#value(base + Heading.prep),
        batching: this.#value(base + Heading.batching),
      },
      blocked: this.#value(base + Heading.blocked),
      firstStart: this.#value(FIRST_START),
      lastEnd: this.#value(LAST_END),
      batches: this.#value(BATCHES),
      rows: this.#value(ROWS),
      capacity: this.#value(CAPACITY),
      tokens: this.#value(TOKENS),
      paddedTokens: this.#value(PADDED),
    };
    this.#mutex.unlock();
    return times;
  }

  #word(index: number): number {
    return this.#words[index] as number;
  }

  #value(index: number): number {
    return this.#values[index] as number;
  }

  /** Under the lock: books the time since the last change, and begins the next interval now. */
  #close(): number {
    const at = now();
    const values = this.#values;
    const elapsed = Math.max(0, at - this.#value(LAST_CHANGE));
    if (this.#value(FIRST_START) > 0) {
      if (this.#word(RUNNING) > 0) this.#book(Heading.busy, elapsed);
      else if (this.#word(HELD) >= this.#slots) this.#book(Heading.blocked, elapsed);
      else this.#bookStarved(elapsed, at);
    }
    values[LAST_CHANGE] = at;
    this.#snapshot(at);
    return at;
  }

  #book(heading: number, micros: number): void {
    this.#values[TOTALS + heading] = this.#value(TOTALS + heading) + micros;
  }

  /** Splits a starved interval in proportion to what the producers' clocks counted in it. */
  #bookStarved(elapsed: number, at: number): void {
    const fetchBefore = this.#value(SNAPSHOT);
    const prepBefore = this.#value(SNAPSHOT + 1);
    const otherBefore = this.#value(SNAPSHOT + 2);
    this.#snapshot(at);
    const fetch = Math.max(0, this.#value(SNAPSHOT) - fetchBefore);
    const prep = Math.max(0, this.#value(SNAPSHOT + 1) - prepBefore);
    const other = Math.max(0, this.#value(SNAPSHOT + 2) - otherBefore);
    const whole = fetch + prep + other;
    const perMicro = whole > 0 ? elapsed / whole : 0;
    this.#book(Heading.fetch, fetch * perMicro);
    this.#book(Heading.prep, prep * perMicro);
    this.#book(Heading.batching, whole > 0 ? other * perMicro : elapsed);
  }

  #snapshot(at: number): void {
    const totals = this.#totals.fill(0);
    for (let i = 0; i < this.#producers.count; i++) this.#producers.addTotals(i, at, totals);
    const t = (state: number): number => totals[state] as number;
    this.#values[SNAPSHOT] = t(ProducerState.fetch);
    this.#values[SNAPSHOT + 1] =
      t(ProducerState.decode) + t(ProducerState.transform) + t(ProducerState.collate);
    this.#values[SNAPSHOT + 2] = t(ProducerState.idle) + t(ProducerState.blocked);
  }
}
