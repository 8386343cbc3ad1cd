import { parentPort, workerData } from 'node:worker_threads';
import { asPenstockError, DeviceError, type ErrorRecord, messageOf, toRecord } from '../../util/errors.js';
import { CudaDriver } from './driver.js';

/*
 * The thread that registers a ring's arena with NVIDIA's driver: to pin a gigabyte takes a fraction of a second, which
 * no other thread has to spare, and a driver that hangs must not hold one up.
 */

/** What the thread starts with. */
export interface PinnedThreadData {
  readonly arena: SharedArrayBuffer;
  /** Of the GPU, as CUDA numbers them. */
  readonly ordinal: number;
  /** In place of the driver's own, for tests. */
  readonly library: string | undefined;
}

/** Main thread → this one: bytes of the arena, from one to before the other; or the end of it all. */
export type PinRequest =
  | { readonly kind: 'pin'; readonly from: number; readonly to: number }
  | { readonly kind: 'release' };

/** Answers come in the order of the requests to pin. */
export type PinReply = { readonly error: ErrorRecord | undefined };

if (parentPort === null) throw new Error('this module is the entry of the thread that pins memory');
const port = parentPort;

/** One call at a time. */
class Pins {
  readonly #data: PinnedThreadData;
  #driver: CudaDriver | undefined;
  readonly #pinned: Uint8Array[] = [];

  constructor(data: PinnedThreadData) {
    this.#data = data;
  }

  async pin(from: number, to: number): Promise<void> {
    const { arena, ordinal, library } = this.#data;
    this.#driver ??= await CudaDriver.open(ordinal, library);
    const memory = new Uint8Array(arena, from, to - from);
    this.#driver.register(memory);
    this.#pinned.push(memory);
  }

  release(): void {
    const driver = this.#driver;
    if (driver === undefined) return;
    for (const memory of this.#pinned) {
      try {
        driver.unregister(memory);
      } catch {
        // What it no longer holds is not pinned either.
      }
    }
    driver.close();
  }
}

const pins = new Pins(workerData as PinnedThreadData);
let last: Promise<void> = Promise.resolve();

async function answer({ from, to }: Extract<PinRequest, { kind: 'pin' }>): Promise<void> {
  let error: ErrorRecord | undefined;
  try {
    await pins.pin(from, to);
  } catch (cause) {
    error = toRecord(asPenstockError(cause, (thrown) => new DeviceError(messageOf(thrown))));
  }
  port.postMessage({ error } satisfies PinReply);
}

port.on('message', (request: PinRequest) => {
  last = last.then(() => {
    if (request.kind === 'pin') return answer(request);
    pins.release();
    port.close();
    return undefined;
  });
});
