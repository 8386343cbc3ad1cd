import { UsageError } from '../util/errors.js';
import { ConsumerSide, RETRY_MS } from './consumer-side.js';
import { Header, RingStatus, RunWord, SlotState, SlotWord, SplitWord } from './protocol.js';
import { PutOff } from './put-off.js';
import type { Ring } from './ring.js';

/**
 * How long `nextSoon` sleeps in one go, milliseconds: a thread wakes from Atomics.wait several times faster than its
 * event loop from Atomics.waitAsync, and nobody notices an event loop that stood still so briefly.
 */
const SOON_MS = 0.1;

/**
 * What the main thread does with the ring when it consumes itself: batches are handed to whoever iterates, who gives
 * the slots back. In fixed order they come in the order of the splits.
 */
export class LoaderSide {
  readonly #ring: Ring;
  readonly #side: ConsumerSide;
  /** Fixed order: the batch that comes next. */
  #split = 0;
  #batch = 1;
  #held = 0;
  readonly #freed: PutOff;
  #isWaiting = false;

  constructor(ring: Ring) {
    this.#ring = ring;
    this.#side = new ConsumerSide(ring);
    this.#freed = new PutOff(ring.free, ring.config.slots >> 1);
  }

  /** A batch that is there already or comes very soon; undefined where that is not so. May block the thread briefly. */
  nextSoon(): number | undefined {
    const { ready } = this.#ring;
    const ticket = ready.ticket();
    const slot = this.#take();
    if (slot >= 0) return slot;
    this.#freed.give();
    ready.wait(ticket, SOON_MS);
    const later = this.#take();
    return later >= 0 ? later : undefined;
  }

  /**
   * Waits for a batch; −1 when none will come any more or the stream was stopped.
   *
   * @throws UsageError where none can come before one that was handed out is released
   */
  async next(): Promise<number> {
    const ring = this.#ring;
    for (;;) {
      const ticket = ring.ready.ticket();
      if (ring.status === RingStatus.ABORTED) return -1;
      const slot = this.#take();
      if (slot >= 0) return slot;
      this.#freed.give();
      if (this.#side.nothingWillCome) return -1;
      const delay = this.#side.dueIn();
      if (delay === 0 && this.#sealDue()) continue;
      const isStuck = this.#isStuck();
      if (isStuck) {
        throw new UsageError(
          `all batches are taken: ${this.#held} of ${ring.config.slots} slots are held by batches that were not released`,
          {
            hint: 'Call batch.release() when done with a batch (or declare it with «using»), or raise prefetch.',
          },
        );
      }
      this.#isWaiting = true;
      await ring.ready.waitAsync(ticket, delay === 0 || isStuck === undefined ? RETRY_MS : delay);
      this.#isWaiting = false;
    }
  }

  /** False too where the lock is not to be had at once: held across an await, a producer on this thread might wait for it. */
  #sealDue(): boolean {
    if (!this.#ring.tryLock()) return false;
    const sealed = this.#side.sealDue();
    this.#ring.unlock();
    return sealed;
  }

  /** RUNNING → FREE. */
  release(slot: number): void {
    this.#held--;
    this.#ring.setState(slot, SlotState.FREE);
    this.#freed.add();
    // What is awaited may need this slot.
    if (this.#isWaiting) this.#freed.give();
  }

  #take(): number {
    if (this.#ring.status === RingStatus.ABORTED) return -1;
    const slot = this.#ring.config.fixedOrder ? this.#takeInOrder() : this.#side.take();
    if (slot >= 0) this.#held++;
    return slot;
  }

  #takeInOrder(): number {
    while (this.#isThrough(this.#split)) {
      this.#split++;
      this.#batch = 1;
    }
    const slot = this.#find(SlotState.READY);
    if (slot < 0 || !this.#ring.exchange(slot, SlotState.READY, SlotState.RUNNING)) return -1;
    this.#batch++;
    return slot;
  }

  /** All batches of a split are handed out: its number of batches is final once it lies before the first that is not done. */
  #isThrough(split: number): boolean {
    const ring = this.#ring;
    const isDone = split < Atomics.load(ring.words, Header.FIRST_SPLIT);
    return isDone && ring.splitWord(split, SplitWord.BATCHES) === this.#batch - 1;
  }

  /** The slot of the batch that comes next, if it is in a state. */
  #find(state: SlotState): number {
    const ring = this.#ring;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      if (ring.state(slot) !== state) continue;
      if (this.#splitOf(slot) === this.#split && ring.slotWord(slot, SlotWord.BATCH) === this.#batch)
        return slot;
    }
    return -1;
  }

  #splitOf(slot: number): number {
    return this.#ring.words[this.#ring.map.run(slot, 0) + RunWord.SPLIT] as number;
  }

  /** Whether nothing can come until a batch is released; undefined where that can't be told just now. */
  #isStuck(): boolean | undefined {
    const ring = this.#ring;
    if (this.#held === 0) return false;
    if (!ring.config.fixedOrder) return this.#held === ring.config.slots;
    if (!ring.tryLock()) return undefined;
    // What comes next is not there, and its producer waits for a slot, of which none is free.
    const isBlocked =
      this.#split < ring.config.splits && ring.splitWord(this.#split, SplitWord.BLOCKED) === 1;
    const isStuck = isBlocked && ring.countIn(SlotState.FREE) === 0 && this.#find(SlotState.READY) < 0;
    ring.unlock();
    return isStuck;
  }
}
