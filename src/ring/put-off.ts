import { now } from '../clock/now.js';
import type { EventCount } from '../util/event-count.js';

/** A signal is put off for no longer than this, microseconds, unless nothing else happens meanwhile. */
const LONGEST = 4000;

/**
 * Signals of an event count that are put off for as long as whoever gives them has other work at hand: where batches take
 * microseconds, waking a thread for each costs as much as the batch. Woken for several, it finds several. Whoever puts
 * signals off gives them before it sleeps.
 */
export class PutOff {
  readonly #event: EventCount;
  readonly #most: number;
  #count = 0;
  #givenAt = 0;

  /** @param most changes for which one signal may do: from here on it is given at once */
  constructor(event: EventCount, most: number) {
    this.#event = event;
    this.#most = most;
  }

  /** Something has changed that others may wait for. */
  add(): void {
    this.#count++;
    if (this.#count >= this.#most || now() - this.#givenAt >= LONGEST) this.give();
  }

  /** Before we sleep, or do something that takes long. */
  give(): void {
    if (this.#count === 0) return;
    this.#count = 0;
    this.#givenAt = now();
    this.#event.signal();
  }
}
