import { Mutex } from '../util/mutex.js';
import { now } from './now.js';
import { type ClockPage, ClockReader, ProducerState } from './state-clock.js';

/*
 * The stall clock of a stream: why a device that has nothing to run has nothing. It is one for all devices, which take
 * their batches from the same ring, and it runs whether any of them is idle or not: each moment is counted under one
 * heading, and a device's ledger books what was counted while its device was idle.
 *
 *   blocked   the sink holds a slot, and every slot that it does not hold is running: until it gives one back, none can
 *             be filled
 *   starved   otherwise; each interval split by what the producers' own clocks did during exactly that interval
 *
 * An interval ends where a run starts or ends on any device, or the sink gives a slot back. All but the sleepers is
 * written under the lock, which is that of the devices' ledgers too.
 *
 *   word 0   lock, of Mutex                      value 2…  totals so far, by Stall
 *   word 1   sleepers, of Mutex                  value 6   up to when they count (0: not begun)
 *   word 2   runs in progress, on all devices    value 7…  producers' fetch, prep, other time at that moment
 *   word 3   slots that the sink holds
 */
const RUNNING = 2;
const HELD = 3;
const WORDS = 4;
const TOTALS = 2;
const COUNTED_TO = 6;
const SNAPSHOT = 7;
const VALUES = 16;

/** What an idle device waits for. */
export const Stall = { fetch: 0, prep: 1, batching: 2, blocked: 3 } as const;
export type Stall = (typeof Stall)[keyof typeof Stall];
export const STALLS = 4;

/** Shared memory of a stall clock; clonable between threads. */
export interface StallMemory {
  readonly page: SharedArrayBuffer;
  /** The clocks of the producers that fill the ring. */
  readonly producers: ClockPage;
  readonly slots: number;
}

export function createStallMemory(producers: ClockPage, slots: number): StallMemory {
  return { page: new SharedArrayBuffer(VALUES * 8), producers, slots };
}

export class StallClock {
  readonly #words: Int32Array;
  readonly #values: Float64Array;
  readonly #mutex: Mutex;
  readonly #producers: ClockReader;
  readonly #slots: number;
  readonly #owner: number;
  readonly #scratch = new Float64Array(8);

  /** `owner`: a positive number that no other thread uses on this clock. */
  constructor(memory: StallMemory, owner: number) {
    this.#words = new Int32Array(memory.page, 0, WORDS);
    this.#values = new Float64Array(memory.page);
    this.#mutex = new Mutex(this.#words, 0, 1);
    this.#producers = new ClockReader(memory.producers);
    this.#slots = memory.slots;
    this.#owner = owner;
  }

  /** The sink gave a slot back. */
  slotReleased(): void {
    this.lock();
    this.advance();
    this.#words[HELD] = this.#word(HELD) - 1;
    this.unlock();
  }

  lock(): void {
    this.#mutex.lock(this.#owner);
  }

  unlock(): void {
    this.#mutex.unlock();
  }

  // Under the lock, as what follows: the ledgers' part.

  /** Counts up to now. Returns that moment: never one before the last. */
  advance(): number {
    const before = this.#value(COUNTED_TO);
    const at = Math.max(now(), before);
    const elapsed = before === 0 ? 0 : at - before;
    const held = this.#word(HELD);
    if (held > 0 && held + this.#word(RUNNING) >= this.#slots) {
      this.#count(Stall.blocked, elapsed);
      this.#snapshot(at);
    } else {
      this.#countStarved(elapsed, at);
    }
    this.#values[COUNTED_TO] = at;
    return at;
  }

  /** Microseconds counted under a heading. */
  total(stall: number): number {
    return this.#value(TOTALS + stall);
  }

  /** After `advance`: a run starts, on any device. */
  runStarted(): void {
    this.#words[RUNNING] = this.#word(RUNNING) + 1;
  }

  /** After `advance`: a run ended, and its slot goes to the sink. */
  runEnded(): void {
    this.#words[RUNNING] = this.#word(RUNNING) - 1;
    this.#words[HELD] = this.#word(HELD) + 1;
  }

  /** In proportion to what the producers' clocks counted since the last time; what is neither fetch nor prep is batching. */
  #countStarved(elapsed: number, at: number): void {
    const fetchBefore = this.#value(SNAPSHOT);
    const prepBefore = this.#value(SNAPSHOT + 1);
    const otherBefore = this.#value(SNAPSHOT + 2);
    this.#snapshot(at);
    const fetch = Math.max(0, this.#value(SNAPSHOT) - fetchBefore);
    const prep = Math.max(0, this.#value(SNAPSHOT + 1) - prepBefore);
    const other = Math.max(0, this.#value(SNAPSHOT + 2) - otherBefore);
    const whole = fetch + prep + other;
    const perMicro = whole > 0 ? elapsed / whole : 0;
    this.#count(Stall.fetch, fetch * perMicro);
    this.#count(Stall.prep, prep * perMicro);
    this.#count(Stall.batching, Math.max(0, elapsed - (fetch + prep) * perMicro));
  }

  #snapshot(at: number): void {
    const totals = this.#scratch.fill(0);
    for (let i = 0; i < this.#producers.count; i++) this.#producers.addTotals(i, at, totals);
    const t = (state: number): number => totals[state] as number;
    this.#values[SNAPSHOT] = t(ProducerState.fetch);
    this.#values[SNAPSHOT + 1] =
      t(ProducerState.decode) + t(ProducerState.transform) + t(ProducerState.collate);
    this.#values[SNAPSHOT + 2] = t(ProducerState.idle) + t(ProducerState.blocked);
  }

  #count(stall: number, micros: number): void {
    this.#values[TOTALS + stall] = this.#value(TOTALS + stall) + micros;
  }

  #word(index: number): number {
    return this.#words[index] as number;
  }

  #value(index: number): number {
    return this.#values[index] as number;
  }
}
