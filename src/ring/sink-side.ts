import { SlotState } from './protocol.js';
import type { Ring } from './ring.js';

/** What the sink's thread does with the ring. */
export class SinkSide {
  readonly #ring: Ring;

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  /** DONE → DRAINING for any slot that is done; −1 where none is. */
  take(): number {
    for (let slot = 0; slot < this.#ring.config.slots; slot++) {
      if (this.#ring.exchange(slot, SlotState.DONE, SlotState.DRAINING)) return slot;
    }
    return -1;
  }

  /** DRAINING → FREE: whatever was wanted of the slot is copied out. */
  release(slot: number): void {
    this.#ring.setState(slot, SlotState.FREE);
    this.#ring.free.signal();
  }
}
