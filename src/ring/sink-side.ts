import { SlotState } from './protocol.js';
import { PutOff } from './put-off.js';
import type { Ring } from './ring.js';

/** What the sink's thread does with the ring. */
export class SinkSide {
  readonly #ring: Ring;
  readonly #freed: PutOff;

  constructor(ring: Ring) {
    this.#ring = ring;
    this.#freed = new PutOff(ring.free, ring.config.slots >> 1);
  }

  /** DONE → DRAINING for any slot that is done; −1 where none is. */
  take(): number {
    for (let slot = 0; slot < this.#ring.config.slots; slot++) {
      if (this.#ring.exchange(slot, SlotState.DONE, SlotState.DRAINING)) return slot;
    }
    this.#freed.give();
    return -1;
  }

  /** Before it waits for anything else than a slot. */
  pause(): void {
    this.#freed.give();
  }

  /** DRAINING → FREE: whatever was wanted of the slot is copied out. */
  release(slot: number): void {
    this.#ring.setState(slot, SlotState.FREE);
    this.#freed.add();
  }
}
