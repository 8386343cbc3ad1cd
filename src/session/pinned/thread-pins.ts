import type { PageGrid, RingMemory } from '../../ring/ring.js';
import type { SessionDevice, SessionSpec } from '../types.js';
import { openDriver } from './policy.js';
import type { Driver } from './staging.js';

const NOTHING: Disposable = { [Symbol.dispose]() {} };

/** Pins rings from the thread that runs batches out of them: for whoever has that thread to himself. */
export class ThreadPins implements Disposable {
  readonly #opened: Driver | undefined;

  private constructor(opened: Driver | undefined) {
    this.#opened = opened;
  }

  /** @throws DeviceError where memory must be pinned and can't be */
  static async open(
    spec: Pick<SessionSpec, 'pinned' | 'isolation'>,
    device: SessionDevice,
    library?: string,
  ): Promise<ThreadPins> {
    const opened = spec.isolation === 'process' ? undefined : await openDriver(spec, device, library);
    return new ThreadPins(typeof opened === 'string' ? undefined : opened);
  }

  /** How a ring must lie in memory that is to be pinned; undefined where nothing is. */
  get pages(): PageGrid | undefined {
    return this.#opened?.pages;
  }

  /**
   * Pins all slots of a ring, until it is disposed of.
   *
   * @throws DeviceError where memory must be pinned and can't be
   */
  pin({ arena, start, layout, config }: RingMemory): Disposable {
    const opened = this.#opened;
    if (opened === undefined) return NOTHING;
    const { driver, isRequired } = opened;
    const memory = new Uint8Array(arena, start, config.slots * layout.slotBytes);
    try {
      driver.register(memory);
    } catch (error) {
      if (isRequired) throw error;
      return NOTHING;
    }
    return { [Symbol.dispose]: () => driver.unregister(memory) };
  }

  [Symbol.dispose](): void {
    this.#opened?.driver.close();
  }
}
