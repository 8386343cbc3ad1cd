import { now } from '../clock/now.js';
import { InterruptedError } from '../util/errors.js';
import { LaneWord, RingStatus, RunStatus, RunWord, SlotState, SlotWord } from './protocol.js';
import type { Ring } from './ring.js';

/** Room for rows in a slot. One object a producer, written anew by each claim: no allocation a run. */
export interface Claim {
  slot: number;
  /** The first row in the slot. */
  first: number;
  count: number;
  run: number;
}

/** What a producer's thread does with the ring. */
export class ProducerSide {
  readonly #ring: Ring;
  readonly #lane: number;
  readonly #claim: Claim = { slot: -1, first: 0, count: 0, run: 0 };

  constructor(ring: Ring, lane: number) {
    this.#ring = ring;
    this.#lane = lane;
  }

  /** Before the first claim of a split: rows before `committedRows` are in the ring already. */
  begin(split: number, committedRows: number): void {
    const { words, map } = this.#ring;
    const lane = map.lane(this.#lane);
    this.#ring.lock();
    words[lane + LaneWord.SPLIT] = split;
    words[lane + LaneWord.COMMITTED_ROWS] = committedRows;
    this.#ring.unlock();
  }

  /**
   * Claims room for up to `want` rows of a split, from `row` on, in the open slot of `bucket`; waits while there is
   * none. `onBlocked` is called before the first wait. Rows of a split are claimed, written and committed in order,
   * one claim at a time.
   */
  claim(split: number, row: number, want: number, bucket: number, onBlocked: () => void): Claim {
    const ring = this.#ring;
    for (let waited = false; ; waited = true) {
      const ticket = ring.free.ticket();
      if (ring.status === RingStatus.ABORTED) throw new InterruptedError('the stream was stopped');
      ring.lock();
      const claimed = this.#tryClaim(split, row, want, bucket);
      ring.unlock();
      if (claimed) return this.#claim;
      if (!waited) onBlocked();
      ring.free.wait(ticket);
    }
  }

  /** The rows of the last claim are written: they may run. */
  commit(): void {
    const ring = this.#ring;
    const { words, map } = ring;
    const { slot, run, count } = this.#claim;
    const record = map.run(slot, run);
    const lane = map.lane(this.#lane);
    ring.lock();
    words[record + RunWord.STATUS] = RunStatus.COMMITTED;
    words[lane + LaneWord.COMMITTED_ROWS] = (words[record + RunWord.ROW] as number) + count;
    ring.setSlotWord(slot, SlotWord.SETTLED, ring.slotWord(slot, SlotWord.SETTLED) + count);
    ring.settle(slot);
    ring.unlock();
  }

  /** Fixed order: the split is at its end, and so is its last batch. */
  sealOwn(bucket: number): void {
    const ring = this.#ring;
    ring.lock();
    const open = (ring.words[ring.map.open(bucket)] as number) - 1;
    if (open >= 0) ring.seal(open);
    ring.unlock();
  }

  /** L */
  #tryClaim(split: number, row: number, want: number, bucket: number): boolean {
    const ring = this.#ring;
    const { words, map } = ring;
    let slot = (words[map.open(bucket)] as number) - 1;
    if (slot < 0) slot = this.#openSlot(bucket);
    if (slot < 0) return false;

    const capacity = ring.config.capacities[bucket] as number;
    const first = ring.slotWord(slot, SlotWord.CLAIMED);
    const count = Math.min(want, capacity - first);
    const run = ring.slotWord(slot, SlotWord.RUNS);
    const record = map.run(slot, run);
    words[record + RunWord.PRODUCER] = this.#lane;
    words[record + RunWord.SPLIT] = split;
    words[record + RunWord.ROW] = row;
    words[record + RunWord.FIRST] = first;
    words[record + RunWord.COUNT] = count;
    words[record + RunWord.STATUS] = RunStatus.CLAIMED;
    // From here on the run is in the table: whoever recovers from our death finds it whole or not at all.
    ring.setSlotWord(slot, SlotWord.RUNS, run + 1);
    ring.setSlotWord(slot, SlotWord.CLAIMED, first + count);

    const claim = this.#claim;
    claim.slot = slot;
    claim.first = first;
    claim.count = count;
    claim.run = run;
    if (first + count === capacity) ring.seal(slot);
    return true;
  }

  /** L: FREE → FILLING; −1 where no slot is free, after sending on the fullest open one if nothing else can move. */
  #openSlot(bucket: number): number {
    const ring = this.#ring;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      if (ring.state(slot) !== SlotState.FREE) continue;
      ring.setSlotWord(slot, SlotWord.BUCKET, bucket);
      ring.setSlotWord(slot, SlotWord.CLAIMED, 0);
      ring.setSlotWord(slot, SlotWord.SETTLED, 0);
      ring.setSlotWord(slot, SlotWord.VOIDED, 0);
      ring.setSlotWord(slot, SlotWord.RUNS, 0);
      ring.setOpenedAt(slot, now());
      ring.setState(slot, SlotState.FILLING);
      ring.words[ring.map.open(bucket)] = slot + 1;
      // A consumer that sleeps must learn of the delay that now runs.
      if (ring.config.maxDelayMicros !== Number.POSITIVE_INFINITY && ring.ready.hasWaiters)
        ring.ready.signal();
      return slot;
    }
    if (!ring.config.fixedOrder) this.#sendOnFullest();
    return -1;
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
      const capacity = ring.config.capacities[ring.slotWord(slot, SlotWord.BUCKET)] as number;
      const share = ring.slotWord(slot, SlotWord.CLAIMED) / capacity;
      if (share > fill) {
        fullest = slot;
        fill = share;
      }
    }
    if (fullest >= 0) ring.seal(fullest);
  }
}
