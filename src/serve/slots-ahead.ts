import { SlotState, SlotWord } from '../ring/protocol.js';
import type { RequestPage } from '../ring/request-page.js';
import type { Ring } from '../ring/ring.js';
import type { Ahead } from './door.js';

/** What is in a ring's slots and was not answered yet, as it looks from the main thread at a moment. */
export class SlotsAhead {
  readonly #ring: Ring;
  readonly #page: RequestPage;

  constructor(ring: Ring, page: RequestPage) {
    this.#ring = ring;
    this.#page = page;
  }

  /** Rows that wait to be taken, and the runs that go on. */
  ahead(): Ahead {
    const ring = this.#ring;
    const runningSince: number[] = [];
    const runningRows: number[] = [];
    let rows = 0;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      const claimed = ring.slotWord(slot, SlotWord.CLAIMED);
      if (ring.state(slot) === SlotState.RUNNING) {
        runningSince.push(this.#page.began(slot));
        runningRows.push(claimed);
      } else if (this.#waits(slot)) rows += claimed;
    }
    return { rows, runningSince, runningRows };
  }

  /** The first class, and the earliest deadline, of what waits to be taken: Infinity where nothing does. */
  urgency(): { readonly priority: number; readonly deadline: number } {
    let priority = Number.POSITIVE_INFINITY;
    let deadline = Number.POSITIVE_INFINITY;
    for (let slot = 0; slot < this.#ring.config.slots; slot++) {
      if (!this.#waits(slot)) continue;
      priority = Math.min(priority, this.#page.priority(slot));
      deadline = Math.min(deadline, this.#page.earliest(slot));
    }
    return { priority, deadline };
  }

  /** When the first of rows that wait for company came; Infinity where none do. */
  waitingSince(): number {
    const ring = this.#ring;
    let since = Number.POSITIVE_INFINITY;
    if (ring.config.maxDelayMicros === 0) return since;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      if (ring.state(slot) === SlotState.FILLING) since = Math.min(since, ring.openedAt(slot));
    }
    return since;
  }

  #waits(slot: number): boolean {
    const state = this.#ring.state(slot);
    return state === SlotState.FILLING || state === SlotState.SEALED || state === SlotState.READY;
  }
}
