import { parentPort, workerData } from 'node:worker_threads';
import { DeviceLedger } from '../clock/device-ledger.js';
import { ConsumerState, StateClock } from '../clock/state-clock.js';
import { sizeToRun } from '../ring/buckets.js';
import { ConsumerSide } from '../ring/consumer-side.js';
import { type Bucket, batchDims, type RowTensor, type TensorRegion } from '../ring/layout.js';
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

function viewsOf(ring: Ring, slot: number, bucket: Bucket, rows: number): SlotViews {
  const view = (region: TensorRegion): TensorView => ({
    name: region.name,
    dtype: region.dtype,
    dims: batchDims(region, rows, bucket),
    data: ring.view(slot, region, bucket, rows),
    ...(region.text !== undefined && { text: region.text }),
  });
  return { inputs: ring.layout.inputs.map(view), outputs: ring.layout.outputs.map(view) };
}

/** Zeros of the inputs' shapes, in private memory. */
function blankInputs(inputs: readonly RowTensor[], bucket: Bucket): TensorView[] {
  return inputs.map((tensor) => {
    const { name, dtype, text } = tensor;
    const dims = batchDims(tensor, bucket.capacity, bucket);
    const data = new (arrayOf(dtype))(sizeOf(dims));
    return { name, dtype, dims, data, ...(text !== undefined && { text }) };
  });
}

class Consumer {
  readonly #session: Session;
  readonly #ring: Ring;
  readonly #side: ConsumerSide;
  readonly #clock: StateClock;
  readonly #ledger: DeviceLedger;
  readonly #preferredSizes: readonly number[];
  /** Full batches by slot and bucket. */
  readonly #full: readonly (readonly SlotViews[])[];

  constructor(session: Session, { ring, ledger, clocks, clock, owner, preferredSizes }: Attachment) {
    this.#session = session;
    this.#ring = new Ring(ring, owner);
    this.#side = new ConsumerSide(this.#ring);
    this.#clock = new StateClock(clocks, clock);
    this.#ledger = new DeviceLedger(ledger, owner);
    this.#preferredSizes = preferredSizes;
    const { buckets } = ring.layout;
    this.#full = Array.from({ length: ring.config.slots }, (_, slot) =>
      buckets.map((bucket) => viewsOf(this.#ring, slot, bucket, bucket.capacity)),
    );
  }

  /** A run of each shape before the clock starts: the first is slow in every runtime. The slots are still blank. */
  async warmUp(): Promise<void> {
    for (const views of this.#full[0] ?? []) await this.#session.run(views.inputs, views.outputs);
  }

  async consume(): Promise<void> {
    const ring = this.#ring;
    const onIdle = (): void => void this.#clock.switch(this.#idleState());
    for (;;) {
      const slot = this.#side.next(onIdle);
      if (slot < 0) break;
      const bucket = ring.bucketOf(slot);
      const claimed = ring.slotWord(slot, SlotWord.CLAIMED);
      const rows = sizeToRun(claimed, this.#preferredSizes);
      const views = this.#views(slot, bucket, rows);
      this.#clock.switch(ConsumerState.running);
      const startedAt = this.#ledger.runStarted();
      await this.#session.run(views.inputs, views.outputs);
      this.#ledger.runEnded(startedAt, {
        rows: claimed - ring.slotWord(slot, SlotWord.VOIDED),
        capacity: bucket.capacity,
        tokens: ring.slotWord(slot, SlotWord.TOKENS),
        paddedTokens: rows * bucket.length,
      });
      this.#clock.switch(ConsumerState.idle);
      this.#side.finish(slot);
    }
    this.#clock.switch(ConsumerState.idle);
  }

  #views(slot: number, bucket: Bucket, rows: number): SlotViews {
    const full = this.#full[slot]?.[this.#ring.bucketIndex(slot)];
    if (full !== undefined && rows === bucket.capacity) return full;
    return viewsOf(this.#ring, slot, bucket, rows);
  }

  /** Blocked where the sink holds every slot, else starved. */
  #idleState(): ConsumerState {
    const held = this.#ring.countIn(SlotState.DONE) + this.#ring.countIn(SlotState.DRAINING);
    return held === this.#ring.config.slots ? ConsumerState.blocked : ConsumerState.starved;
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
        dims: await session.outputDims(blankInputs(request.inputs, request.bucket)),
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
    const known = session.warnings.length;
    await serve(session);
    reply({ kind: 'finished', warnings: session.warnings.slice(known) });
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
