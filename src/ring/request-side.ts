import { now } from '../clock/now.js';
import { RunStatus, RunWord, SlotState, SlotWord } from './protocol.js';
import type { Ring } from './ring.js';

/** The only producer of such a ring, and its lane. */
const LANE = 0;

/**
 * What the main thread does with the ring of a stream of online requests, whose only producer and only sink it is: rows of
 * many requests are claimed in one step, written, and committed in one. It is never asleep in here: the ring's lock is
 * held by others for a few instructions only.
 */
export class RequestSide {
  readonly #ring: Ring;
  readonly #capacity: number;

  constructor(ring: Ring) {
    this.#ring = ring;
    this.#capacity = ring.layout.buckets[0]?.capacity ?? 0;
  }

  lock(): void {
    this.#ring.lock();
  }

  unlock(): void {
    this.#ring.unlock();
  }

  /** Slots with rows that no consumer has taken yet. */
  get waiting(): number {
    const ring = this.#ring;
    let count = 0;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      const state = ring.state(slot);
      if (state === SlotState.FILLING || state === SlotState.SEALED || state === SlotState.READY) count++;
    }
    return count;
  }

  /** L: the slot that is open; −1 for none. */
  get openSlot(): number {
    return (this.#ring.words[this.#ring.map.open(0)] as number) - 1;
  }

  /** L: FREE → FILLING for some slot; −1 where none is free. Some row must be claimed before the lock is given back. */
  open(): number {
    const ring = this.#ring;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      if (ring.state(slot) !== SlotState.FREE) continue;
      ring.open(slot, 0);
      return slot;
    }
    return -1;
  }

  /** L: rows that still go into an open slot. */
  room(slot: number): number {
    return this.#capacity - this.#ring.slotWord(slot, SlotWord.CLAIMED);
  }

  /** L: room for rows of a request, no more than there is. Returns their first row in the slot. What is full is sealed. */
  claim(slot: number, place: number, row: number, count: number): number {
    const ring = this.#ring;
    const { words } = ring;
    const first = ring.slotWord(slot, SlotWord.CLAIMED);
    const run = ring.slotWord(slot, SlotWord.RUNS);
    const record = ring.map.run(slot, run);
    words[record + RunWord.PRODUCER] = LANE;
    words[record + RunWord.SPLIT] = place;
    words[record + RunWord.ROW] = row;
    words[record + RunWord.FIRST] = first;
    words[record + RunWord.COUNT] = count;
    words[record + RunWord.STATUS] = RunStatus.CLAIMED;
    ring.setSlotWord(slot, SlotWord.RUNS, run + 1);
    ring.setSlotWord(slot, SlotWord.CLAIMED, first + count);
    if (first + count === this.#capacity) ring.seal(slot);
    return first;
  }

  /** The last `runs` of a slot's table, `rows` all together, are written: they may run. */
  commit(slot: number, runs: number, rows: number): void {
    const ring = this.#ring;
    ring.lock();
    const end = ring.slotWord(slot, SlotWord.RUNS);
    for (let run = end - runs; run < end; run++) {
      ring.words[ring.map.run(slot, run) + RunWord.STATUS] = RunStatus.COMMITTED;
    }
    ring.setCommittedAt(slot, now());
    ring.addSlotWord(slot, SlotWord.TOKENS, rows);
    ring.addSlotWord(slot, SlotWord.SETTLED, rows);
    ring.settle(slot);
    ring.unlock();
  }

  /** Consumers that sleep look again: a slot was opened. */
  tell(): void {
    this.#ring.ready.signal();
  }
}
