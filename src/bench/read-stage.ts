import { now } from '../clock/now.js';
import type { RawBatch, StoredValues } from '../dataset/types.js';
import { Collator } from '../produce/collate.js';
import { readSplits } from '../produce/read-ahead.js';
import { StopSignal } from '../produce/stop-signal.js';
import { requestFor, splitsOf } from '../produce/task.js';
import { ProducerSide } from '../ring/producer-side.js';
import { RingStatus } from '../ring/protocol.js';
import { laneOwner, Ring } from '../ring/ring.js';
import { remoteStorageAtRest } from '../storage/store.js';
import { InterruptedError } from '../util/errors.js';
import type { ReadRequest, ReadResult } from './requests.js';

/** Where values are read to that producers read straight into slots: as large as a few of these. */
const CIRCLE_BYTES = 16 * 2 ** 20;

/** A producer that does nothing but read: the same splits, columns and reads ahead. */
export async function readStage({ context, lane }: ReadRequest): Promise<ReadResult> {
  const ring = new Ring(context.ring, laneOwner(lane));
  const side = new ProducerSide(ring, lane);
  const collator = new Collator(ring, context.inputs, context.lengthColumn);
  const source = splitsOf(context, [], ring, side, requestFor(collator, context));
  const circle = new Circle(Math.max(...ring.layout.inputs.map(({ byteLength }) => byteLength)));
  using stopping = StopSignal.ofRing(ring);
  const startedAt = now();
  let bytes = 0;
  try {
    for await (const { batches } of readSplits(source, stopping.signal)) {
      for await (const raw of batches) {
        bytes += raw.bytes;
        circle.read(raw.stored);
        raw.skip?.();
        if (ring.status === RingStatus.ABORTED) throw new InterruptedError('the reading was stopped');
      }
    }
    return { bytes, startedAt, endedAt: now() };
  } finally {
    // A thread that ends before its requests do would take the process with it.
    await remoteStorageAtRest();
  }
}

/** Memory that is read into from front to back, again and again, in pieces as large as a batch. */
class Circle {
  readonly #bytes: Uint8Array;
  readonly #piece: number;
  #at = 0;

  constructor(piece: number) {
    this.#piece = Math.max(1, piece);
    this.#bytes = new Uint8Array(Math.max(CIRCLE_BYTES, this.#piece));
  }

  read(stored: RawBatch['stored']): void {
    for (const values of stored.values()) this.#readColumn(values);
  }

  #readColumn(values: StoredValues): void {
    for (let from = 0; from < values.byteLength; from += this.#piece) {
      const length = Math.min(this.#piece, values.byteLength - from);
      if (this.#at + length > this.#bytes.length) this.#at = 0;
      values.read(from, this.#bytes, this.#at, length);
      this.#at += length;
    }
  }
}
