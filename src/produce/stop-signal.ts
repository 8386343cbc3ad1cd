import { RingStatus } from '../ring/protocol.js';
import type { Ring } from '../ring/ring.js';
import { InterruptedError } from '../util/errors.js';
import { EventCount } from '../util/event-count.js';

/** An AbortSignal for code that waits for something else than shared memory, driven by what another thread writes there. */
export class StopSignal implements Disposable {
  readonly #controller = new AbortController();
  #watching = true;

  private constructor(event: EventCount, isStopped: () => boolean) {
    void this.#watch(event, isStopped);
  }

  /** Aborted when the ring is. */
  static ofRing(ring: Ring): StopSignal {
    return new StopSignal(ring.free, () => ring.status === RingStatus.ABORTED);
  }

  /** Aborted when the flag is raised. */
  static ofFlag({ words }: StopFlag): StopSignal {
    const flag = new Int32Array(words);
    return new StopSignal(new EventCount(flag, COUNT, WAITERS), () => Atomics.load(flag, STOPPED) === 1);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async #watch(event: EventCount, isStopped: () => boolean): Promise<void> {
    for (;;) {
      const ticket = event.ticket();
      if (!this.#watching) return;
      if (isStopped()) break;
      await event.waitAsync(ticket);
    }
    this.#controller.abort(new InterruptedError('the stream was stopped'));
  }

  [Symbol.dispose](): void {
    this.#watching = false;
  }
}

const STOPPED = 0;
const COUNT = 1;
const WAITERS = 2;

/** What a thread raises to stop what another one does; clonable. */
export interface StopFlag {
  readonly words: SharedArrayBuffer;
}

export function createStopFlag(): StopFlag {
  return { words: new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT) };
}

export function isRaised({ words }: StopFlag): boolean {
  return Atomics.load(new Int32Array(words), STOPPED) === 1;
}

export function raise({ words }: StopFlag): void {
  const flag = new Int32Array(words);
  Atomics.store(flag, STOPPED, 1);
  new EventCount(flag, COUNT, WAITERS).signal();
}
