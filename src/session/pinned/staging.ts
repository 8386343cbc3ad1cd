import type { PageGrid } from '../../ring/ring.js';
import { viewOf } from '../../util/dtype.js';
import { messageOf } from '../../util/errors.js';
import type { StagingMemory, TensorView } from '../types.js';
import type { CudaDriver } from './driver.js';

/** What pins memory, for the thread that opens it. */
export interface Driver {
  readonly driver: Pick<CudaDriver, 'register' | 'unregister' | 'close'>;
  readonly pages: PageGrid;
  /** Whether it is an error where memory can't be pinned. */
  readonly isRequired: boolean;
}

/** Undefined: nothing is to be pinned; a sentence: why it can't be, where that is no error. */
export type OpenDriver = () => Promise<Driver | string | undefined>;

/** One tensor's memory: whole pages where they are pinned. */
interface Region {
  readonly memory: Uint8Array;
  readonly isPinned: boolean;
}

interface Staged {
  readonly view: TensorView;
  readonly region: Region;
}

/**
 * Private memory that stands in for tensors in shared memory: one region a tensor, as large as the largest batch so far,
 * for a session runs one batch at a time.
 */
export class Staging {
  readonly #driver: Driver | undefined;
  readonly #regions = new Map<string, Region>();
  readonly #staged = new WeakMap<TensorView, Staged>();
  #error: string | undefined;

  private constructor(opened: Driver | string | undefined) {
    if (typeof opened === 'string') this.#error = opened;
    else this.#driver = opened;
  }

  /** @throws what `open` throws: where memory must be pinned, and can't be */
  static async open(open: OpenDriver | undefined): Promise<Staging> {
    return new Staging(await open?.());
  }

  get memory(): StagingMemory {
    const regions = [...this.#regions.values()];
    const sum = (some: readonly Region[]): number => some.reduce((all, { memory }) => all + memory.length, 0);
    return {
      bytes: sum(regions),
      pinnedBytes: sum(regions.filter(({ isPinned }) => isPinned)),
      error: this.#error,
    };
  }

  /**
   * What stands in for a view; the same as long as its tensor's memory is large enough.
   *
   * @throws DeviceError where memory must be pinned, and can't be
   */
  of(view: TensorView): TensorView {
    const region = this.#regionFor(view);
    const known = this.#staged.get(view);
    if (known?.region === region) return known.view;
    const { buffer, byteOffset } = region.memory;
    const staged = { ...view, data: viewOf(view.dtype, buffer, byteOffset, view.data.length) };
    this.#staged.set(view, { view: staged, region });
    return staged;
  }

  #regionFor({ name, data }: TensorView): Region {
    const known = this.#regions.get(name);
    if (known !== undefined && known.memory.length >= data.byteLength) return known;
    if (known?.isPinned) this.#driver?.driver.unregister(known.memory);
    this.#regions.delete(name);
    const region = this.#allocated(data.byteLength);
    this.#regions.set(name, region);
    return region;
  }

  #allocated(bytes: number): Region {
    if (this.#driver === undefined) return { memory: new Uint8Array(bytes), isPinned: false };
    const { driver, pages, isRequired } = this.#driver;
    const whole = Math.max(1, Math.ceil(bytes / pages.bytes)) * pages.bytes;
    const buffer = new ArrayBuffer(whole + pages.bytes);
    const memory = new Uint8Array(buffer, pages.startIn(buffer), whole);
    try {
      driver.register(memory);
      return { memory, isPinned: true };
    } catch (error) {
      if (isRequired) throw error;
      this.#error ??= messageOf(error);
      return { memory, isPinned: false };
    }
  }

  /** Unpins all. Nothing may run on it any more. */
  close(): void {
    if (this.#driver === undefined) return;
    const { driver } = this.#driver;
    for (const { memory, isPinned } of this.#regions.values()) if (isPinned) driver.unregister(memory);
    this.#regions.clear();
    driver.close();
  }
}
