import { RingStatus } from '../ring/protocol.js';
import type { Ring } from '../ring/ring.js';
import { InterruptedError } from '../util/errors.js';

/** An AbortSignal that follows the ring: for code that waits for something else than the ring. */
export class RingSignal implements Disposable {
  readonly #controller = new AbortController();
  readonly #ring: Ring;
  #watching = true;

  constructor(ring: Ring) {
    this.#ring = ring;
    void this.#watch();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async #watch(): Promise<void> {
    const { free } = this.#ring;
    for (;;) {
      const ticket = free.ticket();
      if (!this.#watching) return;
      if (this.#ring.status === RingStatus.ABORTED) break;
      await free.waitAsync(ticket);
    }
    this.#controller.abort(new InterruptedError('the stream was stopped'));
  }

  [Symbol.dispose](): void {
    this.#watching = false;
  }
}
