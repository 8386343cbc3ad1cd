import { parentPort, workerData } from 'node:worker_threads';
import { DeviceLedger } from '../clock/device-ledger.js';
import { ConsumerState, StateClock } from '../clock/state-clock.js';
import { ConsumerSide } from '../ring/consumer-side.js';
import type { RowTensor } from '../ring/layout.js';
import { SlotState, SlotWord } from '../ring/protocol.js';
import { Ring } from '../ring/ring.js';
import { loadSession } from '../session/load.js';
import type { Session, SessionSpec, TensorView } from '../session/types.js';
import { arrayOf, sizeOf } from '../util/dtype.js';
import { asPenstockError, DeviceError, messageOf, toRecord } from '../util/errors.js';
import type { Attachment, ConsumerReply, ConsumerRequest } from './types.js';

/*
 * A consumer: a thread that owns one session. ONNX Runtime blocks the thread that calls it (DESIGN §4.1), so nothing
 * else lives here, and the thread is never terminated from outside (§4.4): it stops when the ring says so.
 */

if (parentPort === null) throw new Error('this module is the entry of a consumer thread');
const port = parentPort;
const reply = (message: ConsumerReply): void => port.postMessage(message);

/** Inputs and outputs of one slot, full and (made when needed) partly filled. */
interface SlotViews {
  readonly inputs: readonly TensorView[];
  readonly outputs: readonly TensorView[];
}

function viewsOf(ring: Ring, slot: number, rows: number): SlotViews {
  const view = (region: Ring['layout']['inputs'][number]): TensorView => ({
    name: region.name,
    dtype: region.dtype,
    dims: [rows, ...region.rowDims],
    data: ring.view(slot, region, rows),
  });
  return { inputs: ring.layout.inputs.map(view), outputs: ring.layout.outputs.map(view) };
}

/** Zeros of the inputs' shapes, in private memory. */
function blankInputs(inputs: readonly RowTensor[], rows: number): TensorView[] {
  return inputs.map(({ name, dtype, rowDims }) => {
    const dims = [rows, ...rowDims];
    return { name, dtype, dims, data: new (arrayOf(dtype))(sizeOf(dims)) };
  });
}

class Consumer {
  readonly #session: Session;
  readonly #ring: Ring;
  readonly #side: ConsumerSide;
  readonly #clock: StateClock;
  readonly #ledger: DeviceLedger;
  readonly #full: readonly SlotViews[];

  constructor(session: Session, { ring, ledger, clocks, clock, owner }: Attachment) {
    this.#session = session;
    this.#ring = new Ring(ring, owner);
    this.#side = new ConsumerSide(this.#ring);
    this.#clock = new StateClock(clocks, clock);
    this.#ledger = new DeviceLedger(ledger, owner);
    const { slots } = ring.config;
    this.#full = Array.from({ length: slots }, (_, slot) => viewsOf(this.#ring, slot, ring.layout.capacity));
  }

  /** One run before the clock starts: the first is slow in every runtime. The slots are still blank. */
  async warmUp(): Promise<void> {
    const [first] = this.#full;
    if (first !== undefined) await this.#session.run(first.inputs, first.outputs);
  }

  async consume(): Promise<void> {
    const { capacity } = this.#ring.layout;
    const onIdle = (): void => void this.#clock.switch(this.#idleState());
    for (;;) {
      const slot = this.#side.next(onIdle);
      if (slot < 0) break;
      const rows = this.#ring.slotWord(slot, SlotWord.CLAIMED);
      const views = rows === capacity ? this.#full[slot] : viewsOf(this.#ring, slot, rows);
      if (views === undefined) throw new RangeError(`no slot ${slot}`);
      this.#clock.switch(ConsumerState.running);
      const startedAt = this.#ledger.runStarted();
      await this.#session.run(views.inputs, views.outputs);
      this.#ledger.runEnded(startedAt, rows - this.#ring.slotWord(slot, SlotWord.VOIDED), capacity);
      this.#clock.switch(ConsumerState.idle);
      this.#side.finish(slot);
    }
    this.#clock.switch(ConsumerState.idle);
  }

  /** Blocked where the sink holds every slot, else starved. */
  #idleState(): ConsumerState {
    for (let slot = 0; slot < this.#ring.config.slots; slot++) {
      const state = this.#ring.state(slot);
      if (state !== SlotState.DONE && state !== SlotState.DRAINING) return ConsumerState.starved;
    }
    return ConsumerState.blocked;
  }
}

async function serve(session: Session): Promise<void> {
  const { inputs, outputs, device, warnings } = session;
  reply({ kind: 'loaded', model: { inputs, outputs, device, warnings } });
  let consumer: Consumer | undefined;
  for (;;) {
    const request = await nextRequest();
    if (request.kind === 'stop') return;
    if (request.kind === 'outputDims') {
      reply({
        kind: 'outputDims',
        dims: await session.outputDims(blankInputs(request.inputs, request.rows)),
      });
    } else if (request.kind === 'attach') {
      consumer = new Consumer(session, request.attachment);
      await consumer.warmUp();
      reply({ kind: 'attached' });
    } else {
      await consumer?.consume();
      return;
    }
  }
}

function nextRequest(): Promise<ConsumerRequest> {
  return new Promise((resolve) => port.once('message', resolve));
}

async function main(spec: SessionSpec): Promise<void> {
  let session: Session | undefined;
  try {
    session = await loadSession(spec);
    await serve(session);
    reply({ kind: 'finished' });
  } catch (cause) {
    const wrap = (thrown: unknown): DeviceError =>
      new DeviceError(`${spec.uri ?? spec.runtime}: the model rejected a batch: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    reply({ kind: 'failed', error: toRecord(asPenstockError(cause, wrap)) });
  } finally {
    await session?.close();
    port.close();
  }
}

await main(workerData as SessionSpec);
