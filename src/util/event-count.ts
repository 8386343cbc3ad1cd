/**
 * An event count in shared memory: wait for «something changed» without a lost wake-up and without polling.
 *
 *     const ticket = event.ticket();
 *     if (nothingToDo()) event.wait(ticket);     // returns at once if a signal came after the ticket
 *
 * Source: Reed and Kanodia, «Synchronization with eventcounts and sequencers», 1979.
 */
export class EventCount {
  readonly #words: Int32Array;
  readonly #count: number;
  readonly #waiters: number;

  constructor(words: Int32Array, count: number, waiters: number) {
    this.#words = words;
    this.#count = count;
    this.#waiters = waiters;
  }

  /** Take it before looking at the condition. */
  ticket(): number {
    return Atomics.load(this.#words, this.#count);
  }

  /** Call it after changing the condition. A system call only where somebody sleeps. */
  signal(): void {
    Atomics.add(this.#words, this.#count, 1);
    // Sequentially consistent with wait(): we see the waiter, or it sees the new count.
    if (Atomics.load(this.#words, this.#waiters) > 0) Atomics.notify(this.#words, this.#count);
  }

  /** Blocks the thread until a signal after `ticket`, or for `timeoutMs`; whether there was one. */
  wait(ticket: number, timeoutMs = Number.POSITIVE_INFINITY): boolean {
    Atomics.add(this.#words, this.#waiters, 1);
    const outcome = Atomics.wait(this.#words, this.#count, ticket, timeoutMs);
    Atomics.sub(this.#words, this.#waiters, 1);
    return outcome !== 'timed-out';
  }

  /** The same for a thread whose event loop must go on. It does not by itself keep the loop alive. */
  async waitAsync(ticket: number, timeoutMs = Number.POSITIVE_INFINITY): Promise<void> {
    Atomics.add(this.#words, this.#waiters, 1);
    try {
      const outcome = Atomics.waitAsync(this.#words, this.#count, ticket, timeoutMs);
      if (outcome.async) await outcome.value;
    } finally {
      Atomics.sub(this.#words, this.#waiters, 1);
    }
  }
}
