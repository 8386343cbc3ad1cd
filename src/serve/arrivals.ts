import { now } from '../clock/now.js';

/** Between two turns of an event loop that goes straight on, microseconds. */
const STRAIGHT_ON = 500;

/**
 * When requests came, seen from the event loop that handles them. One that has more to do than it can goes round without a
 * rest, and what it finds in a turn has come since it looked last: it may have waited in its socket for as long as the turn
 * before took, which a clock that is read now does not show. The earliest moment counts, so that no answer comes later than
 * was thought.
 *
 * With more than a thousand sockets that are readable all the time, a turn may take seconds: libuv looks for more of them up to 48
 * times before it goes on. But what comes over a connection has come since the request before it was handled.
 */
export class Arrivals {
  /** When the turn began in which requests were handled last, and when it ended. */
  #began = 0;
  #ended = 0;
  /** Of those in this turn. */
  #earliest = 0;
  #isInTurn = false;
  /** When the last request of a connection was handled. */
  readonly #handled = new WeakMap<object, number>();

  /**
   * The earliest moment at which a request that is handled now may have come, microseconds of `now()`.
   *
   * @param connection of a protocol that has one request under way on each
   */
  stamp(connection?: object): number {
    const at = now();
    const earliest = this.#ofTurn(at);
    if (connection === undefined) return earliest;
    const before = this.#handled.get(connection) ?? 0;
    this.#handled.set(connection, at);
    return Math.max(earliest, before);
  }

  #ofTurn(at: number): number {
    if (!this.#isInTurn) {
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
