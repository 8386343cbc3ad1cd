import { setTimeout as sleep } from 'node:timers/promises';
import { now } from '../clock/now.js';
import { ConsumerState, createClockPage, type StateClock } from '../clock/state-clock.js';
import { type RunViews, viewsOf } from '../consume/views.js';
import { isRaised, type StopFlag } from '../produce/stop-signal.js';
import { produceSplits } from '../produce/task.js';
import type { ProduceHooks } from '../produce/types.js';
import { sizeToRun } from '../ring/buckets.js';
import { ControlSide } from '../ring/control-side.js';
import { type Bucket, planSlotLayout, rowElements } from '../ring/layout.js';
import { SlotState, SlotWord } from '../ring/protocol.js';
import { createRingMemory, MAIN_OWNER, Ring, type RingConfig } from '../ring/ring.js';
import { isOutOfMemory } from '../session/out-of-memory.js';
import type { ThreadPins } from '../session/pinned/thread-pins.js';
import type { Session } from '../session/types.js';
import { DataError, fromRecord, InterruptedError, messageOf } from '../util/errors.js';
import type { DeviceResult, FillRequest, FillResult, PointRequest, ReplayRequest } from './requests.js';

/** However long they take: with one alone there would be no spread. */
const LEAST_RUNS = 3;
/** A device that is so fast is measured well enough by then. */
const MOST_RUNS = 20_000;

class Enough extends Error {}

/** A batch that stays in its slot. */
interface HotBatch {
  readonly slot: number;
  readonly bucket: Bucket;
  readonly rows: number;
  readonly views: RunViews;
}

/** The device alone: real batches in slots that nobody empties, run over and over. */
export class HotSlots implements Disposable {
  readonly #session: Session;
  readonly #clock: StateClock;
  readonly #stop: StopFlag;
  readonly #preferredSizes: readonly number[];
  readonly #ring: Ring;
  readonly #pins: ThreadPins;
  readonly #pinned: Disposable;
  readonly #batches: readonly HotBatch[];
  readonly #bucket: Bucket;

  private constructor(
    session: Session,
    clock: StateClock,
    stop: StopFlag,
    preferredSizes: readonly number[],
    ring: Ring,
    pins: ThreadPins,
  ) {
    this.#pins = pins;
    this.#pinned = pins.pin(ring.memory);
    this.#session = session;
    this.#clock = clock;
    this.#stop = stop;
    this.#preferredSizes = preferredSizes;
    this.#ring = ring;
    this.#batches = batchesIn(ring, preferredSizes);
    this.#bucket = commonBucket(this.#batches);
  }

  /** @throws what reading and preparing fail with; DataError where there is no row */
  static async fill(
    session: Session,
    clock: StateClock,
    stop: StopFlag,
    pins: ThreadPins,
    { work, splits, slots }: FillRequest,
  ): Promise<HotSlots> {
    const { layout, fixedOrder, reading } = work;
    const lanes = 1;
    const config = { slots: slots + layout.buckets.length, splits: splits.length, fixedOrder, lanes };
    const ring = ringOf(layout, config, pins);
    const control = new ControlSide(ring);
    let isFull = false;
    const hooks: ProduceHooks = {
      produced: () => {},
      turn: async () => {
        isFull = ring.countIn(SlotState.READY) >= slots;
        if (isFull || isRaised(stop)) throw new Enough();
      },
    };
    const context = { ...reading, id: `hot-${now()}`, ring: ring.memory, clocks: createClockPage(1), splits };
    const result = await produceSplits({ context, lane: 0, unfinished: [] }, hooks);
    if (isRaised(stop)) throw new InterruptedError('the bench was stopped');
    if (result !== undefined && !isFull) throw fromRecord(result.error);
    // Partial batches only where there are no others.
    if (ring.countIn(SlotState.READY) === 0) await control.end();
    if (ring.countIn(SlotState.READY) === 0)
      throw new DataError('the source has no row that the model could run');
    return new HotSlots(session, clock, stop, work.preferredSizes, ring, pins);
  }

  get result(): FillResult {
    return { slots: this.#batches.length, bucket: this.#bucket };
  }

  /**
   * What all batches would take one after another. A batch of one bucket takes as long as the next of it, and a slow device
   * has not the time for all: buckets come in turn, and their means count as often as there are batches of them.
   */
  async replay({ seconds, startAt }: ReplayRequest): Promise<DeviceResult> {
    const buckets = [...new Set(this.#batches.map(({ bucket }) => bucket))];
    const byBucket = buckets.map((one) => this.#batches.filter(({ bucket }) => bucket === one));
    const turns = Math.max(...byBucket.map(({ length }) => length));
    const batches = Array.from({ length: turns }, (_, turn) =>
      byBucket.map((some) => some[turn % some.length] as HotBatch),
    ).flat();
    await sleep(Math.max(0, (startAt - now()) / 1000));
    const startedAt = now();
    // The first run of a shape is slow in every runtime.
    for (const { views } of batches.slice(0, byBucket.length)) await this.#run(views);
    const isSlow = now() - startedAt > seconds * 1e6;
    const { runMs } = await this.#repeat(batches, seconds, byBucket.length * (isSlow ? 1 : LEAST_RUNS));
    const totals = byBucket.map(({ length }, place) => {
      const own = runMs.filter((_, i) => i % byBucket.length === place);
      return (length * sum(own)) / own.length;
    });
    return { rows: sum(this.#batches.map(({ rows }) => rows)), seconds: sum(totals) / 1000, runMs };
  }

  /** One batch of `rows` rows: those of a real one, over and over where it has not so many. */
  async point({ rows, seconds }: PointRequest): Promise<DeviceResult> {
    try {
      const ring = this.#tiled(rows);
      using _pinned = this.#pins.pin(ring.memory);
      const [bucket] = ring.layout.buckets as [Bucket];
      const views = viewsOf(ring, { slot: 0, bucket, first: 0, count: bucket.capacity });
      // The first run of a shape is slow in every runtime, and the second may still be.
      const startedAt = now();
      await this.#run(views);
      const took = (now() - startedAt) / 1e6;
      if (took < seconds / 4) await this.#run(views);
      return await this.#repeat([{ rows, views }], seconds, took > seconds ? 1 : LEAST_RUNS);
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      const refused = isOutOfMemory(error) ? `too little memory (${messageOf(error)})` : messageOf(error);
      return { rows: 0, seconds: 0, runMs: [], refused };
    }
  }

  async #repeat(
    batches: readonly Pick<HotBatch, 'rows' | 'views'>[],
    seconds: number,
    least = LEAST_RUNS,
  ): Promise<DeviceResult> {
    const runMs: number[] = [];
    let rows = 0;
    const startedAt = now();
    let at = startedAt;
    for (let i = 0; i < least || (i < MOST_RUNS && at - startedAt < seconds * 1e6); i++) {
      const batch = batches[i % batches.length] as HotBatch;
      await this.#run(batch.views);
      const endedAt = now();
      runMs.push((endedAt - at) / 1000);
      at = endedAt;
      rows += batch.rows;
    }
    return { rows, seconds: (at - startedAt) / 1e6, runMs };
  }

  async #run({ inputs, outputs }: RunViews): Promise<void> {
    if (isRaised(this.#stop)) throw new InterruptedError('the bench was stopped');
    this.#clock.switch(ConsumerState.running);
    await this.#session.run(inputs, outputs);
    this.#clock.switch(ConsumerState.idle);
  }

  /** A batch in a slot of its own size, in shared memory as any other. */
  #tiled(rows: number): Ring {
    const source = this.#batches
      .filter(({ bucket }) => bucket === this.#bucket)
      .reduce((fullest, batch) => (batch.rows > fullest.rows ? batch : fullest));
    const { layout } = this.#ring;
    const count = sizeToRun(rows, this.#preferredSizes);
    const bucket = { length: this.#bucket.length, capacity: count };
    const ring = ringOf(
      planSlotLayout([bucket], layout.inputs, layout.outputs),
      { slots: 1, lanes: 1, splits: 1, fixedOrder: false },
      this.#pins,
    );
    layout.inputs.forEach((from, i) => {
      const into = ring.layout.inputs[i];
      if (into === undefined) return;
      const size = rowElements(from, this.#bucket);
      const values = this.#ring.view(source.slot, from, this.#bucket, source.rows);
      const target = ring.view(0, into, bucket);
      for (let at = 0; at < target.length; at += values.length) {
        const fitting = Math.min(values.length, target.length - at);
        target.set(values.subarray(0, fitting) as never, at);
      }
      if (target.length % size !== 0) throw new RangeError(`rows of ${from.name} do not fit`);
    });
    return ring;
  }

  /** Nothing of it is run any more. */
  [Symbol.dispose](): void {
    this.#pinned[Symbol.dispose]();
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function ringOf(
  layout: Ring['layout'],
  given: Omit<RingConfig, 'maxDelayMicros'>,
  { pages }: ThreadPins,
): Ring {
  const config = { ...given, maxDelayMicros: Number.POSITIVE_INFINITY };
  return new Ring(createRingMemory(layout, config, config, pages), MAIN_OWNER);
}

function batchesIn(ring: Ring, preferredSizes: readonly number[]): HotBatch[] {
  const slots = Array.from({ length: ring.config.slots }, (_, slot) => slot);
  return slots
    .filter((slot) => ring.state(slot) === SlotState.READY)
    .map((slot) => {
      const bucket = ring.bucketOf(slot);
      const rows = ring.slotWord(slot, SlotWord.CLAIMED);
      const count = sizeToRun(rows, preferredSizes);
      return { slot, bucket, rows, views: viewsOf(ring, { slot, bucket, first: 0, count }) };
    });
}

/** The bucket that most rows are in. */
function commonBucket(batches: readonly HotBatch[]): Bucket {
  const rows = new Map<Bucket, number>();
  for (const batch of batches) rows.set(batch.bucket, (rows.get(batch.bucket) ?? 0) + batch.rows);
  const [most] = [...rows].sort(([, a], [, b]) => b - a);
  if (most === undefined) throw new RangeError('no batch');
  return most[0];
}
