import { parentPort, workerData } from 'node:worker_threads';
import { DeviceLedger } from '../clock/device-ledger.js';
import { now } from '../clock/now.js';
import { ConsumerState, StateClock } from '../clock/state-clock.js';
import { sizeToRun } from '../ring/buckets.js';
import { ConsumerSide } from '../ring/consumer-side.js';
import type { Bucket, RowTensor } from '../ring/layout.js';
import { RingStatus, SlotState, SlotWord } from '../ring/protocol.js';
import { Ring } from '../ring/ring.js';
import { loadSession } from '../session/load.js';
import { isOutOfMemory } from '../session/out-of-memory.js';
import type { Session, SessionSpec } from '../session/types.js';
import { asPenstockError, DeviceError, messageOf, toRecord } from '../util/errors.js';
import { BatchRunner } from './batch-runner.js';
import { Gate } from './gate.js';
import { OnlineConsumer } from './online-consumer.js';
import { rejectRows } from './reject-rows.js';
import type { Attachment, ConsumerReply, ConsumerRequest, RejectedRow } from './types.js';
import { blanks } from './views.js';

/*
 * A consumer: a thread that owns one session. ONNX Runtime blocks the thread that calls it (microsoft/onnxruntime issues
 * 19611 and 26968), so nothing else lives here. Terminating a thread inside of a run aborts the whole process, so nobody
 * does: it stops when the ring says so.
 */

if (parentPort === null) throw new Error('this module is the entry of a consumer thread');
const port = parentPort;
const reply = (message: ConsumerReply): void => port.postMessage(message);
const tellRejected = (rows: readonly RejectedRow[]): void => reply({ kind: 'rejected', rows });

class Consumer {
  readonly #ring: Ring;
  readonly #side: ConsumerSide;
  readonly #clock: StateClock;
  readonly #ledger: DeviceLedger;
  readonly #runner: BatchRunner;
  readonly #preferredSizes: readonly number[];
  readonly #gate: Gate | undefined;

  constructor(session: Session, model: string, attachment: Attachment) {
    const { ring, ledger, clocks, clock, owner, preferredSizes, mostRejections, gate } = attachment;
    this.#ring = new Ring(ring, owner);
    // Where others take their turns on the device, it may be long until the next batch.
    this.#side = new ConsumerSide(this.#ring, gate === undefined ? undefined : 1, clock);
    this.#clock = new StateClock(clocks, clock, this.#ring.trace);
    this.#ledger = new DeviceLedger(ledger, owner);
    this.#preferredSizes = preferredSizes;
    this.#gate = gate && new Gate(gate);
    const options = { model, preferredSizes, mostRejections };
    this.#runner = new BatchRunner(session, this.#ring, this.#clock, options);
  }

  get warnings(): readonly string[] {
    return this.#runner.warnings;
  }

  warmUp(): Promise<void> {
    return this.#runner.warmUp();
  }

  async consume(): Promise<void> {
    const ring = this.#ring;
    const isStopped = (): boolean => ring.status === RingStatus.ABORTED;
    const onIdle = (): void => {
      this.#gate?.leave();
      this.#clock.switch(this.#idleState());
    };
    for (;;) {
      const slot = this.#side.next(onIdle);
      if (slot < 0) break;
      const bucket = ring.bucketOf(slot);
      const claimed = ring.slotWord(slot, SlotWord.CLAIMED);
      let startedAt = this.#ledger.runStarted(ring.committedAt(slot), ring.waitedInVain(slot));
      if (this.#gate !== undefined) {
        // The device is busy meanwhile, with others' runs.
        if (!this.#gate.enter(isStopped)) break;
        startedAt = now();
      }
      const rejections = await this.#runner.run(slot);
      this.#ledger.runEnded(startedAt, {
        rows: claimed - ring.slotWord(slot, SlotWord.VOIDED),
        capacity: bucket.capacity,
        tokens: ring.slotWord(slot, SlotWord.TOKENS),
        paddedTokens: sizeToRun(claimed, this.#preferredSizes) * bucket.length,
      });
      this.#clock.switch(ConsumerState.idle);
      if (rejections.length > 0) tellRejected(rejectRows(this.#side, slot, rejections));
      this.#side.finish(slot);
      this.#gate?.giveBack(this.#side.hasReady);
    }
    this.#gate?.leave();
    this.#clock.switch(ConsumerState.idle);
  }

  /** As the stall clock has it: blocked where the sink, and the runs of others, hold every slot; else starved. */
  #idleState(): ConsumerState {
    const held = this.#ring.countIn(SlotState.DONE) + this.#ring.countIn(SlotState.DRAINING);
    const taken = held + this.#ring.countIn(SlotState.RUNNING);
    return held > 0 && taken >= this.#ring.slotsInUse ? ConsumerState.blocked : ConsumerState.starved;
  }
}

/** Returns what a user should know of the runs. */
async function serve(session: Session, model: string): Promise<readonly string[]> {
  const { inputs, outputs, device, warnings } = session;
  reply({ kind: 'loaded', model: { inputs, outputs, device, warnings } });
  let consumer: Consumer | OnlineConsumer | undefined;
  for (;;) {
    const request = await nextRequest();
    if (request.kind === 'stop') return [];
    if (request.kind === 'outputDims') {
      reply({ kind: 'outputDims', dims: await outputDims(session, request.inputs, request.bucket) });
    } else if (request.kind === 'time') {
      const { inputs, outputs, bucket } = request;
      reply({ kind: 'time', micros: await timeRun(session, inputs, outputs, bucket) });
    } else if (request.kind === 'attach') {
      consumer = new Consumer(session, model, request.attachment);
      await consumer.warmUp();
      reply({ kind: 'attached', staging: session.staging });
    } else if (request.kind === 'attachOnline') {
      consumer = new OnlineConsumer(session, model, request.attachment, tellRejected);
      await consumer.warmUp();
      reply({ kind: 'attached', staging: session.staging });
    } else {
      await consumer?.consume();
      // What a session has to say since then: see `Session.warnings`.
      return [...(consumer?.warnings ?? []), ...session.warnings.slice(warnings.length)];
    }
  }
}

/** Of a full batch; found with fewer rows where memory does not suffice for that many. */
async function outputDims(
  session: Session,
  inputs: readonly RowTensor[],
  bucket: Bucket,
): Promise<ReadonlyMap<string, readonly number[]>> {
  for (let rows = bucket.capacity; ; rows = Math.ceil(rows / 2)) {
    try {
      const dims = await session.outputDims(blanks(inputs, bucket, rows));
      const full = ([first, ...rest]: readonly number[]): number[] =>
        first === rows ? [bucket.capacity, ...rest] : [first ?? 0, ...rest];
      return rows === bucket.capacity ? dims : new Map([...dims].map(([name, found]) => [name, full(found)]));
    } catch (error) {
      if (rows === 1 || !isOutOfMemory(error)) throw error;
    }
  }
}

/** Runs of one size are timed for about this long, and this often at the most. */
const TIMING_MICROS = 50_000;
const TIMING_RUNS = 10;

/** The mean of some runs. The first is slow in every runtime. */
async function timeRun(
  session: Session,
  inputs: readonly RowTensor[],
  outputs: readonly RowTensor[],
  bucket: Bucket,
): Promise<number> {
  const given = blanks(inputs, bucket, bucket.capacity);
  const wanted = blanks(outputs, bucket, bucket.capacity);
  try {
    await session.run(given, wanted);
    const begin = now();
    let runs = 0;
    do {
      await session.run(given, wanted);
      runs++;
    } while (runs < TIMING_RUNS && now() - begin < TIMING_MICROS);
    return (now() - begin) / runs;
  } catch (error) {
    if (isOutOfMemory(error)) return Number.POSITIVE_INFINITY;
    throw error;
  }
}

function nextRequest(): Promise<ConsumerRequest> {
  return new Promise((resolve) => port.once('message', resolve));
}

async function main(spec: SessionSpec): Promise<void> {
  let session: Session | undefined;
  try {
    session = await loadSession(spec);
    reply({ kind: 'finished', warnings: await serve(session, spec.uri ?? spec.runtime) });
  } catch (cause) {
    const wrap = (thrown: unknown): DeviceError =>
      new DeviceError(`${spec.uri ?? spec.runtime}: the model failed: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    reply({ kind: 'failed', error: toRecord(asPenstockError(cause, wrap)) });
  } finally {
    await session?.close();
    port.close();
  }
}

await main(workerData as SessionSpec);
