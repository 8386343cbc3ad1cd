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
 *   fetch,    otherwise, as long as the busiest of the producers was at work, split by what the clocks of all counted in the
 *   prep      interval
 *   other     the rest: no producer had anything to do, or any room
 *
 * Beside these it counts how long producers could have been ahead: the time for which they waited for a free slot while the
 * sink held some. A device that is idle afterwards is so because of that, although they are at work again by then: see the
 * ledger.
 *
 * An interval ends where a run starts or ends on any device, or the sink gives a slot back. All but the sleepers is
 * written under the lock, which is that of the devices' ledgers too.
 *
 *   word 0   lock, of Mutex                      value 3…   totals so far, by Stall
 *   word 1   sleepers, of Mutex                  value 8    up to when they count (0: not begun)
 *   word 2   runs in progress, on all devices    value 9…   each producer's fetch, prep and blocked time at that moment
 *   word 3   slots that the sink holds
 *   word 4   slots in use
 */
const RUNNING = 2;
const HELD = 3;
const SLOTS = 4;
const WORDS = 5;
const TOTALS = 3;
const COUNTED_TO = 8;
const SNAPSHOT = 9;
const PER_PRODUCER = 3;

/** What an idle device waits for; and `ahead`, which overlaps with these. */
export const Stall = { fetch: 0, prep: 1, other: 2, blocked: 3, ahead: 4 } as const;
export type Stall = (typeof Stall)[keyof typeof Stall];

/** Shared memory of a stall clock; clonable between threads. */
export interface StallMemory {
  readonly page: SharedArrayBuffer;
  /** The clocks of the producers that fill the ring. */
  readonly producers: ClockPage;
}

export function createStallMemory(producers: ClockPage, slots: number): StallMemory {
  const values = SNAPSHOT + new ClockReader(producers).count * PER_PRODUCER;
  const page = new SharedArrayBuffer(values * 8);
  new Int32Array(page)[SLOTS] = slots;
  return { page, producers };
}

/** Microseconds in one interval. One object, written anew: no allocation a booking. */
interface Done {
  fetch: number;
  prep: number;
  blocked: number;
  most: number;
}

export class StallClock {
  readonly #words: Int32Array;
  readonly #values: Float64Array;
  readonly #mutex: Mutex;
  readonly #producers: ClockReader;
  readonly #owner: number;
  readonly #scratch = new Float64Array(8);
  readonly #done: Done = { fetch: 0, prep: 0, blocked: 0, most: 0 };

  /** `owner`: a positive number that no other thread uses on this clock. */
  constructor(memory: StallMemory, owner: number) {
    this.#words = new Int32Array(memory.page, 0, WORDS);
    this.#values = new Float64Array(memory.page);
    this.#mutex = new Mutex(this.#words, 0, 1);
    this.#producers = new ClockReader(memory.producers);
    this.#owner = owner;
  }

  /** The sink gave a slot back. */
  slotReleased(): void {
    this.lock();
    this.advance();
    this.#words[HELD] = this.#word(HELD) - 1;
    this.unlock();
  }

  /** So many slots are in use from now on. */
  useSlots(slots: number): void {
    this.lock();
    this.advance();
    this.#words[SLOTS] = slots;
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
    this.#values[COUNTED_TO] = at;
    const did = this.#snapshot(at);
    if (before === 0) return at;
    const elapsed = at - before;
    const work = did.fetch + did.prep;
    const held = this.#word(HELD);
    // A mean over the producers that had something to do: those without a split are ahead of nobody.
    if (held > 0 && did.blocked > 0)
      this.#count(Stall.ahead, did.blocked / Math.max(1, (work + did.blocked) / elapsed));
    if (held > 0 && held + this.#word(RUNNING) >= this.#word(SLOTS)) {
      this.#count(Stall.blocked, elapsed);
      return at;
    }
    const theirs = Math.min(elapsed, did.most);
    if (work > 0) {
      this.#count(Stall.fetch, (theirs * did.fetch) / work);
      this.#count(Stall.prep, (theirs * did.prep) / work);
    }
    this.#count(Stall.other, elapsed - theirs);
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

  /** What the producers did since the last time, all together; `most`: the work of the one that worked longest. */
  #snapshot(at: number): Done {
    const did = this.#done;
    did.fetch = 0;
    did.prep = 0;
    did.blocked = 0;
    did.most = 0;
    for (let i = 0; i < this.#producers.count; i++) {
      const totals = this.#scratch.fill(0);
      this.#producers.addTotals(i, at, totals);
      const t = (state: number): number => totals[state] as number;
      const fetch = this.#since(i, 0, t(ProducerState.fetch));
      const prep = this.#since(
        i,
        1,
        t(ProducerState.decode) + t(ProducerState.transform) + t(ProducerState.collate),
      );
      did.fetch += fetch;
      did.prep += prep;
      did.blocked += this.#since(i, 2, t(ProducerState.blocked));
      did.most = Math.max(did.most, fetch + prep);
    }
    return did;
  }

  /** How much more a producer's total is than it was the last time. */
  #since(producer: number, kind: number, total: number): number {
    const place = SNAPSHOT + producer * PER_PRODUCER + kind;
    const before = this.#value(place);
    this.#values[place] = total;
    return Math.max(0, total - before);
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
