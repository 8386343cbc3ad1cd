import { now } from '../clock/now.js';
import { RingStatus, SlotState, SlotWord } from './protocol.js';
import type { Ring } from './ring.js';

/** What a consumer's thread does with the ring. */
export class ConsumerSide {
  readonly #ring: Ring;

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  /** READY → RUNNING for the slot that became ready first; −1 where none is. */
  take(): number {
    const ring = this.#ring;
    for (;;) {
      let oldest = -1;
      let sequence = 0;
      for (let slot = 0; slot < ring.config.slots; slot++) {
        if (ring.state(slot) !== SlotState.READY) continue;
        const candidate = ring.slotWord(slot, SlotWord.SEQUENCE);
        // The sequence may wrap: compare by difference.
        if (oldest < 0 || ((candidate - sequence) | 0) < 0) {
          oldest = slot;
          sequence = candidate;
        }
      }
      if (oldest < 0) return -1;
      if (ring.exchange(oldest, SlotState.READY, SlotState.RUNNING)) return oldest;
    }
  }

  /**
   * Waits for a slot and takes it; −1 when nothing will come any more or the stream was stopped.
   * `onIdle` is called before each wait.
   */
  next(onIdle: () => void): number {
    const ring = this.#ring;
    for (;;) {
      const ticket = ring.ready.ticket();
      if (ring.status === RingStatus.ABORTED) return -1;
      const slot = this.take();
      if (slot >= 0) return slot;
      if (this.#nothingWillCome()) return -1;
      const delay = this.sealOverdue();
      if (delay === 0) continue;
      onIdle();
      ring.ready.wait(ticket, delay);
    }
  }

  /** RUNNING → DONE: the outputs are written. */
  finish(slot: number): void {
    this.#ring.setState(slot, SlotState.DONE);
    this.#ring.done.signal();
  }

  /**
   * Seals open slots whose oldest row has waited for the delay. Returns 0 if it sealed one, else the milliseconds
   * until the next is due (Infinity: none).
   */
  sealOverdue(): number {
    const ring = this.#ring;
    const delay = ring.config.maxDelayMicros;
    if (delay === Number.POSITIVE_INFINITY) return delay;
    const at = now();
    let due = Number.POSITIVE_INFINITY;
    let overdue = false;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      if (ring.state(slot) !== SlotState.FILLING) continue;
      const left = ring.openedAt(slot) + delay - at;
      if (left <= 0) overdue = true;
      else due = Math.min(due, left);
    }
    // Rounded up, and a little more: a wake-up before the time would find nothing to do.
    if (!overdue) return due / 1000 + 0.05;
    return this.#sealIfOverdue(at - delay) ? 0 : due / 1000 + 0.05;
  }

  #sealIfOverdue(openedBefore: number): boolean {
    const ring = this.#ring;
    let sealed = false;
    ring.lock();
    for (let slot = 0; slot < ring.config.slots; slot++) {
      if (ring.state(slot) !== SlotState.FILLING || ring.openedAt(slot) > openedBefore) continue;
      if (ring.slotWord(slot, SlotWord.CLAIMED) === 0) continue;
      ring.seal(slot);
      sealed = true;
    }
    ring.unlock();
    return sealed;
  }

  #nothingWillCome(): boolean {
    const ring = this.#ring;
    if (ring.status !== RingStatus.ENDED) return false;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      const state = ring.state(slot);
      if (state === SlotState.FILLING || state === SlotState.SEALED || state === SlotState.READY)
        return false;
    }
    return true;
  }
}
