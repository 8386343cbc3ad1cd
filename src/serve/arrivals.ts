import { now } from '../clock/now.js';

/** Between two turns of an event loop that goes straight on, microseconds. */
const STRAIGHT_ON = 500;

/**
 * When requests came, seen from the event loop that handles them. One that has more to do than it can goes round without a
 * rest, and what it finds in a turn has come since it looked last: it may have waited in its socket for as long as the turn
 * before took, which a clock that is read now does not show. The earliest moment counts, so that no answer comes later than
 * was thought.
 */
export class Arrivals {
  /** When the turn began in which requests were handled last, and when it ended. */
  #began = 0;
  #ended = 0;
  /** Of those in this turn. */
  #earliest = 0;
  #isInTurn = false;

  /** The earliest moment at which a request that is handled now may have come, microseconds of `now()`. */
  stamp(): number {
    if (!this.#isInTurn) {
      const at = now();
      this.#earliest = at - this.#ended < STRAIGHT_ON ? this.#began : at;
      this.#began = at;
      this.#isInTurn = true;
      setImmediate(this.#endTurn);
    }
    return this.#earliest;
  }

  readonly #endTurn = (): void => {
    this.#isInTurn = false;
    this.#ended = now();
  };
}
