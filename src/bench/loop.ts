import { now } from '../clock/now.js';
import {
  ClockReader,
  ConsumerState,
  createClockPage,
  ProducerState,
  type StateClock,
} from '../clock/state-clock.js';
import { BatchRunner, type Rejection } from '../consume/batch-runner.js';
import { isRaised, type StopFlag, StopSignal } from '../produce/stop-signal.js';
import { produceSplits } from '../produce/task.js';
import type { ProducedSplit, ProduceHooks, ProducerContext } from '../produce/types.js';
import { ConsumerSide } from '../ring/consumer-side.js';
import { ControlSide } from '../ring/control-side.js';
import { SlotWord, SplitWord } from '../ring/protocol.js';
import { consumerOwner, createRingMemory, MAIN_OWNER, Ring } from '../ring/ring.js';
import { SinkSide } from '../ring/sink-side.js';
import type { ThreadPins } from '../session/pinned/thread-pins.js';
import type { Session } from '../session/types.js';
import { Assembly } from '../sink/assembly.js';
import type { CompleteSplit } from '../sink/types.js';
import { DataError, fromRecord, InterruptedError } from '../util/errors.js';
import { Committer } from './committer.js';
import type { LoopRequest, LoopResult } from './requests.js';

/** Batches that are run however little time there is. */
const LEAST_BATCHES = 3;
/** Bytes of outputs that are kept, about, for the sink's turn. */
const SAMPLE_BYTES = 64 * 2 ** 20;

/** With fewer, all of them count. */
const LEAST_STEADY_BATCHES = 20;

/** How far a loop was at a moment. */
interface Mark {
  readonly at: number;
  readonly rows: number;
  readonly batches: number;
  readonly runMicros: number;
  readonly writeMicros: number;
  /** Of the producer's clock, by state. */
  readonly totals: Float64Array;
}

/** What a loop is done with: its time is over. */
class Enough extends Error {}

/**
 * The loop that Penstock replaces, made of Penstock's own steps: one thread reads, prepares, runs and writes, one after
 * another, in a ring whose every side it drives itself. So what differs from the pipeline is the overlap alone.
 */
export class PointToPoint {
  readonly #request: LoopRequest;
  readonly #stop: StopFlag;
  readonly #clock: StateClock;
  readonly #ring: Ring;
  readonly #control: ControlSide;
  readonly #consumer: ConsumerSide;
  readonly #sink: SinkSide;
  readonly #runner: BatchRunner;
  readonly #pins: ThreadPins;
  readonly #assembly: Assembly;
  /** Undefined where nothing is written. */
  #committer: Committer | undefined;
  readonly #context: ProducerContext;
  readonly #reader: ClockReader;
  readonly #endAt: number;
  /** Outputs of the first splits, for whoever wants to write them again. */
  readonly sample: CompleteSplit[] = [];
  #sampleBytes = 0;
  /** When the first batch began to run, and when the loop was up to speed. */
  #start: Mark | undefined;
  #steady: Mark | undefined;
  readonly #done = { rows: 0, batches: 0, runMicros: 0, writeMicros: 0 };
  readonly #splitRows: number[] = [];
  #isBetweenSplits = false;
  /** Splits that are to be written. */
  readonly #complete: CompleteSplit[] = [];
  #bytesWritten = 0;

  /** `clock`: of the thread as a consumer, for whoever watches for hangs. */
  constructor(session: Session, request: LoopRequest, clock: StateClock, stop: StopFlag, pins: ThreadPins) {
    const { work, splits, target, seconds } = request;
    this.#request = request;
    this.#stop = stop;
    this.#clock = clock;
    const config = {
      // One that is filled, and another wherever a batch of each bucket is open.
      slots: work.layout.buckets.length + 2,
      lanes: 1,
      splits: splits.length,
      maxDelayMicros: Number.POSITIVE_INFINITY,
      fixedOrder: work.fixedOrder,
    };
    const memory = createRingMemory(work.layout, config, config, pins.pages);
    this.#pins = pins;
    this.#ring = new Ring(memory, consumerOwner(1, 0));
    this.#control = new ControlSide(new Ring(memory, MAIN_OWNER));
    this.#consumer = new ConsumerSide(this.#ring);
    this.#sink = new SinkSide(this.#ring);
    this.#runner = new BatchRunner(session, this.#ring, clock, {
      model: work.model,
      preferredSizes: work.preferredSizes,
      mostRejections: (work.reading.badRows?.maxRows ?? 0) + 1,
    });
    this.#assembly = new Assembly(this.#ring, target === undefined ? [] : work.outputs);
    const clocks = createClockPage(1);
    this.#reader = new ClockReader(clocks);
    this.#context = { ...work.reading, id: `loop-${now()}`, ring: memory, clocks, splits };
    this.#endAt = seconds === undefined ? Number.POSITIVE_INFINITY : now() + seconds * 1e6;
  }

  /** @throws what a step fails with; InterruptedError once the flag is raised */
  async run(): Promise<LoopResult> {
    using _pinned = this.#pins.pin(this.#ring.memory);
    await this.#runner.warmUp();
    const { target, splits } = this.#request;
    await using committer = target && (await Committer.open(target, splits.length));
    this.#committer = committer;
    using stopping = StopSignal.ofFlag(this.#stop);
    stopping.signal.addEventListener('abort', () => this.#control.abort());
    let isOver = false;
    const hooks: ProduceHooks = {
      produced: (split) => {
        this.#splitRows.push(rowsOf(split));
        this.#isBetweenSplits = true;
        this.#complete.push(...this.#assembly.produced(split));
      },
      turn: async () => {
        isOver = this.#isOver;
        if (isOver) throw new Enough();
        await this.#serve();
        if (this.#isBetweenSplits) this.#markSteady();
        this.#isBetweenSplits = false;
      },
    };
    const result = await produceSplits({ context: this.#context, lane: 0, unfinished: [] }, hooks);
    if (isRaised(this.#stop)) throw new InterruptedError('the loop was stopped');
    if (result !== undefined && !isOver) throw fromRecord(result.error);
    if (!isOver) {
      await this.#control.end();
      await this.#serve();
    }
    return this.#result(isOver);
  }

  get #isOver(): boolean {
    return this.#done.batches >= LEAST_BATCHES && now() > this.#endAt;
  }

  /**
   * Up to speed, from the end of a split on: what is prepared for the next one is not begun yet, so that no more rows count
   * than what was spent on them.
   */
  #markSteady(): void {
    const at = now();
    if (this.#start === undefined || this.#steady !== undefined) return;
    if (at - this.#start.at >= this.#request.warmUp * 1e6) this.#steady = this.#mark(at);
  }

  #mark(at: number): Mark {
    const { rows, batches, runMicros, writeMicros } = this.#done;
    return { at, rows, batches, runMicros, writeMicros, totals: this.#reader.totals(0, at) };
  }

  /** Runs what is ready, and writes what is complete. */
  async #serve(): Promise<void> {
    for (let slot = this.#consumer.take(); slot >= 0; slot = this.#consumer.take()) {
      if (isRaised(this.#stop)) throw new InterruptedError('the loop was stopped');
      const startedAt = now();
      // As in a pipeline, the time begins with the first run.
      this.#start ??= this.#mark(startedAt);
      const rejections = await this.#runner.run(slot);
      this.#clock.switch(ConsumerState.idle);
      const endedAt = now();
      this.#done.runMicros += endedAt - startedAt;
      this.#done.batches++;
      this.#done.rows += this.#ring.slotWord(slot, SlotWord.CLAIMED);
      this.#consumer.finish(slot);
      this.#empty(rejections);
      this.#done.writeMicros += now() - endedAt;
    }
    const startedAt = now();
    for (const split of this.#complete.splice(0)) await this.#write(split);
    this.#done.writeMicros += now() - startedAt;
  }

  #empty(rejections: readonly Rejection[]): void {
    const slot = this.#sink.take();
    this.#complete.push(...this.#rejected(slot, rejections), ...this.#assembly.take(slot));
    this.#sink.release(slot);
  }

  /** @throws DataError where there may be no bad rows */
  #rejected(slot: number, rejections: readonly Rejection[]): CompleteSplit[] {
    const [first] = rejections;
    if (first === undefined) return [];
    const runs = this.#consumer.reject(
      slot,
      rejections.map(({ row }) => row),
    );
    return runs.flatMap(({ split, row, count }) => {
      const { object, ordinal } = this.#request.splits[split] ?? {};
      const file = object?.uri ?? '';
      if (this.#request.work.reading.badRows === undefined)
        throw new DataError(`${file}: the model rejects a row: ${first.reason}`, { file });
      const letters = Array.from({ length: count }, (_, i) => ({
        row: row + i,
        letter: { file, split: ordinal ?? 0, row: row + i, column: null, reason: first.reason, values: {} },
      }));
      return this.#assembly.rejected(split, letters);
    });
  }

  async #write(split: CompleteSplit): Promise<void> {
    if (this.#committer === undefined) return;
    const { bytes } = await this.#committer.write(split);
    this.#bytesWritten += bytes;
    this.#sampleBytes += bytes;
    if (this.sample.length === 0 || this.#sampleBytes <= SAMPLE_BYTES) this.sample.push(split);
  }

  #result(isOver: boolean): LoopResult {
    const end = this.#mark(now());
    const start = this.#start ?? end;
    const isEnough = this.#steady !== undefined && end.batches - this.#steady.batches >= LEAST_STEADY_BATCHES;
    const from = isEnough ? (this.#steady as Mark) : start;
    const spent = (state: number): number => (end.totals[state] ?? 0) - (from.totals[state] ?? 0);
    return {
      rows: end.rows,
      seconds: (end.at - start.at) / 1e6,
      rowsPerSecond: (1e6 * (end.rows - from.rows)) / Math.max(1, end.at - from.at),
      micros: {
        fetch: spent(ProducerState.fetch),
        prep: spent(ProducerState.decode) + spent(ProducerState.transform) + spent(ProducerState.collate),
        run: end.runMicros - from.runMicros,
        write: end.writeMicros - from.writeMicros,
      },
      splitRows: this.#splitRows,
      rowsOfNext: isOver ? this.#ring.splitWord(this.#splitRows.length, SplitWord.COMMITTED_ROWS) : 0,
      bytesWritten: this.#bytesWritten,
    };
  }
}

/** Rows of a split that are in the ring. */
export function rowsOf({ batchRows }: ProducedSplit): number {
  return batchRows.reduce((sum, rows) => sum + rows, 0);
}
