import { now } from '../clock/now.js';
import { InterruptedError } from '../util/errors.js';
import { Header, RingStatus, RunStatus, RunWord, SlotState, SlotWord, SplitWord } from './protocol.js';
import type { Ring } from './ring.js';

/** Room for rows in a slot. One object a producer, written anew by each claim: no allocation a run. */
export interface Claim {
  slot: number;
  /** Among the layout's. */
  bucket: number;
  /** The first row in the slot. */
  first: number;
  count: number;
  run: number;
}

/**
 * What a producer does with the ring. Rows of a split are claimed, written and committed in order, one claim at a time.
 */
export class ProducerSide {
  readonly #ring: Ring;
  readonly #lane: number;
  readonly #claim: Claim = { slot: -1, bucket: 0, first: 0, count: 0, run: 0 };

  constructor(ring: Ring, lane: number) {
    this.#ring = ring;
    this.#lane = lane;
  }

  /** Takes the next split that nobody has; −1 where none is left, or this lane is not in use any more. */
  takeSplit(): number {
    const { words, map, config } = this.#ring;
    if (this.#lane >= this.#ring.lanesInUse) return -1;
    for (let split = Atomics.load(words, Header.NEXT_SPLIT); split < config.splits; split++) {
      const lane = map.split(split) + SplitWord.LANE;
      if (Atomics.compareExchange(words, lane, 0, this.#lane + 1) !== 0) continue;
      // Another one may have got further meanwhile; then the next look begins a little too early.
      Atomics.store(words, Header.NEXT_SPLIT, split + 1);
      return split;
    }
    return -1;
  }

  /** Splits that nobody has taken, about: others take them meanwhile. */
  get splitsLeft(): number {
    const { words, config } = this.#ring;
    return Math.max(0, config.splits - Atomics.load(words, Header.NEXT_SPLIT));
  }

  /**
   * Claims room for up to `want` rows of a split, from `row` on, in the open slot of `bucket`; sleeps while there is
   * none. `onBlocked` is called before the first sleep.
   */
  claim(split: number, row: number, want: number, bucket: number, onBlocked: () => void): Claim {
    for (let slept = false; ; slept = true) {
      const ticket = this.#ring.free.ticket();
      if (this.#tryClaim(split, row, want, bucket)) return this.#claim;
      if (!slept) onBlocked();
      this.#tellBlocked();
      this.#ring.free.wait(ticket);
    }
  }

  /** The same for a thread whose event loop must go on. */
  async claimAsync(split: number, row: number, want: number, bucket: number): Promise<Claim> {
    for (;;) {
      const ticket = this.#ring.free.ticket();
      if (this.#tryClaim(split, row, want, bucket)) return this.#claim;
      this.#tellBlocked();
      await this.#ring.free.waitAsync(ticket);
    }
  }

  /** The rows of the last claim are written, `tokens` in length all together: they may run. */
  commit(tokens = 0): void {
    const ring = this.#ring;
    const { words, map } = ring;
    const { slot, run, count } = this.#claim;
    const record = map.run(slot, run);
    const at = now();
    ring.lock();
    words[record + RunWord.STATUS] = RunStatus.COMMITTED;
    const split = words[record + RunWord.SPLIT] as number;
    ring.setSplitWord(split, SplitWord.COMMITTED_ROWS, (words[record + RunWord.ROW] as number) + count);
    ring.addSlotWord(slot, SlotWord.TOKENS, tokens);
    ring.setCommittedAt(slot, at);
    ring.addSlotWord(slot, SlotWord.SETTLED, count);
    ring.settle(slot);
    ring.unlock();
  }

  /** All rows of a split are in the ring. In fixed order its batches end with it. */
  finishSplit(split: number): void {
    const ring = this.#ring;
    ring.lock();
    if (ring.config.fixedOrder) this.#sealOwn(split);
    ring.setSplitWord(split, SplitWord.DONE, 1);
    ring.advanceFirstSplit();
    ring.unlock();
    if (!ring.config.fixedOrder) return;
    // Another split may be the first now, and take the last free slot; a loader may have waited for the batches' number.
    ring.free.signal();
    ring.ready.signal();
  }

  /** L */
  #sealOwn(split: number): void {
    const ring = this.#ring;
    for (let bucket = 0; bucket < ring.layout.buckets.length; bucket++) {
      const open = (ring.words[ring.map.open(ring.place(this.#lane, bucket))] as number) - 1;
      if (open >= 0) this.#seal(open, split);
    }
  }

  /**
   * In fixed order whoever waits for a batch may be the one who holds the slots that we wait for, and must look again.
   * (In any order it knows by itself whether it holds them all.)
   */
  #tellBlocked(): void {
    if (this.#ring.config.fixedOrder) this.#ring.ready.signal();
  }

  #tryClaim(split: number, row: number, want: number, bucket: number): boolean {
    const ring = this.#ring;
    if (ring.status === RingStatus.ABORTED) throw new InterruptedError('the stream was stopped');
    ring.lock();
    const place = ring.place(this.#lane, bucket);
    let slot = (ring.words[ring.map.open(place)] as number) - 1;
    const isOpened = slot < 0;
    if (isOpened) slot = this.#openSlot(place, split);
    if (slot >= 0) this.#enter(slot, split, row, want, bucket);
    else ring.setSplitWord(split, SplitWord.BLOCKED, 1);
    // A consumer that sleeps must learn of the delay that runs from now on, if the slot is not full at once.
    const isDelayed = isOpened && slot >= 0 && ring.config.maxDelayMicros !== Number.POSITIVE_INFINITY;
    if (isDelayed && ring.state(slot) === SlotState.FILLING) ring.ready.signal();
    ring.unlock();
    return slot >= 0;
  }

  /** L: a run of rows into the table of an open slot, which is sealed if that fills it. */
  #enter(slot: number, split: number, row: number, want: number, bucket: number): void {
    const ring = this.#ring;
    const { words } = ring;
    const { capacity } = ring.bucketOf(slot);
    const first = ring.slotWord(slot, SlotWord.CLAIMED);
    const count = Math.min(want, capacity - first);
    const run = ring.slotWord(slot, SlotWord.RUNS);
    const record = ring.map.run(slot, run);
    words[record + RunWord.PRODUCER] = this.#lane;
    words[record + RunWord.SPLIT] = split;
    words[record + RunWord.ROW] = row;
    words[record + RunWord.FIRST] = first;
    words[record + RunWord.COUNT] = count;
    words[record + RunWord.STATUS] = RunStatus.CLAIMED;
    // From here on the run is in the table: whoever recovers from our death finds it whole or not at all.
    ring.setSlotWord(slot, SlotWord.RUNS, run + 1);
    ring.setSlotWord(slot, SlotWord.CLAIMED, first + count);
    ring.setSplitWord(split, SplitWord.BLOCKED, 0);

    const claim = this.#claim;
    claim.slot = slot;
    claim.bucket = bucket;
    claim.first = first;
    claim.count = count;
    claim.run = run;
    if (first + count === capacity) this.#seal(slot, split);
  }

  /** L */
  #seal(slot: number, split: number): void {
    const ring = this.#ring;
    if (ring.config.fixedOrder) {
      // A slot that has its number already was being sealed by one who died at it.
      const numbered = ring.slotWord(slot, SlotWord.BATCH);
      const batch = numbered > 0 ? numbered : ring.splitWord(split, SplitWord.BATCHES) + 1;
      ring.setSlotWord(slot, SlotWord.BATCH, batch);
      ring.setSplitWord(split, SplitWord.BATCHES, batch);
    }
    ring.seal(slot);
  }

  /** L: FREE → FILLING; −1 where no slot is to be had, after sending on the fullest open one if nothing else can move. */
  #openSlot(place: number, split: number): number {
    const ring = this.#ring;
    const slot = this.#freeSlot(split);
    if (slot < 0) {
      if (!ring.config.fixedOrder) this.#sendOnFullest();
      return -1;
    }
    ring.open(slot, place);
    return slot;
  }

  /**
   * L: in fixed order batches leave in the order of the splits, so the producers of later splits must leave room for
   * the first one: as many slots as it may have open at the same time, else the ring could fill with batches that wait
   * for one that has no room.
   */
  #freeSlot(split: number): number {
    const ring = this.#ring;
    let free = -1;
    let count = 0;
    for (let slot = 0; slot < ring.slotsInUse; slot++) {
      if (ring.state(slot) !== SlotState.FREE) continue;
      if (free < 0) free = slot;
      count++;
    }
    if (!ring.config.fixedOrder || split === ring.words[Header.FIRST_SPLIT]) return free;
    return count > this.#reserved() ? free : -1;
  }

  /** L: slots that the first split may still need; one at the least, for its next batch. */
  #reserved(): number {
    const ring = this.#ring;
    const buckets = ring.layout.buckets.length;
    const first = ring.words[Header.FIRST_SPLIT] as number;
    const lane = ring.splitWord(first, SplitWord.LANE) - 1;
    // Nobody has begun with it.
    if (lane < 0) return buckets;
    let needed = 0;
    for (let bucket = 0; bucket < buckets; bucket++) {
      if (ring.words[ring.map.open(ring.place(lane, bucket))] === 0) needed++;
    }
    return Math.max(1, needed);
  }

  /**
   * L: where no slot waits for the consumer and none is free, partial buckets would hold the whole ring for ever:
   * the fullest is sealed and sent on.
   */
  #sendOnFullest(): void {
    const ring = this.#ring;
    let fullest = -1;
    let fill = -1;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      const state = ring.state(slot);
      if (state === SlotState.READY || state === SlotState.SEALED) return;
      if (state !== SlotState.FILLING) continue;
      const share = ring.slotWord(slot, SlotWord.CLAIMED) / ring.bucketOf(slot).capacity;
      if (share > fill) {
        fullest = slot;
        fill = share;
      }
    }
    if (fullest >= 0) ring.seal(fullest);
  }
}
