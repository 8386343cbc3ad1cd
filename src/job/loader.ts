import { availableParallelism } from 'node:os';
import type { Schema } from 'apache-arrow';
import { createClockPage, StateClock } from '../clock/state-clock.js';
import { Feeder } from '../produce/feeder.js';
import { Producers } from '../produce/producers.js';
import { ControlSide } from '../ring/control-side.js';
import { checkArena, planSlotLayout } from '../ring/layout.js';
import { LoaderSide } from '../ring/loader-side.js';
import { createRingMemory, MAIN_OWNER, Ring } from '../ring/ring.js';
import { InterruptedError } from '../util/errors.js';
import { availableMemory } from '../util/memory.js';
import { SlotBatch } from './batch.js';
import type { InputPlan } from './inputs.js';
import {
  type Batch,
  type LoaderOptions,
  type LoaderSource,
  type ParsedLoaderOptions,
  parseLoaderOptions,
} from './loader-options.js';
import { leave, neededColumns, type OpenedSource, openSource, planTensors } from './loader-source.js';
import { resolveLocation } from './location.js';
import { bucketsOf, checkSlots } from './threads.js';
import { planTransform, type TransformedSource } from './transform.js';

/** A loop that always finds a batch at hand gives the event loop a turn after this, milliseconds. */
const TURN_MS = 5;

/** Tells the passes of a process apart. */
let passes = 0;

/**
 * Batches of tensors for those who run the model themselves.
 *
 * Reading, decoding and collating go on in threads of their own while a batch is in use. A batch's memory goes back with
 * `release()` (or `using batch`); asking for more while all of them are held is an error. Each `for await` is a pass of
 * its own over files; an iterable is read once. Leaving the loop early, or an error, ends all threads.
 *
 * @example
 * for await (const batch of createLoader({ source: 'digits.arrow', batch: { size: 64 } })) {
 *   const { data, dims, type } = batch.tensors.pixels; // Uint8Array, [64, 784], 'uint8'
 *   batch.release();
 * }
 *
 * @throws UsageError for options that can't be; in the loop, what reading or collating fails with
 */
export function createLoader(options: LoaderOptions): AsyncIterable<Batch> {
  const parsed = parseLoaderOptions(options);
  return { [Symbol.asyncIterator]: () => new Pass(options.source, parsed, options.signal) };
}

/** What a pass works with once its source is open. */
interface Stream {
  readonly source: OpenedSource;
  readonly ring: Ring;
  readonly control: ControlSide;
  readonly side: LoaderSide;
  readonly plan: InputPlan;
  readonly transform: TransformedSource['transform'];
  /** Undefined for an iterable, whose rows go into the ring from this thread. */
  readonly producers: Producers | undefined;
}

/** One pass over the source. Owns its threads: they end with it, however it ends. */
class Pass implements AsyncIterator<Batch> {
  readonly #source: LoaderSource;
  readonly #options: ParsedLoaderOptions;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#fail(new InterruptedError('the loader was stopped'));
  /** Waiting for shared memory keeps no event loop alive; this timer does, while somebody awaits a batch. */
  readonly #alive = setInterval(() => {}, 0x7fffffff).unref();
  #opening: Promise<Stream | undefined> | undefined;
  #stream: Stream | undefined;
  #turnStartedAt = 0;
  #control: ControlSide | undefined;
  #feeding: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #closing: Promise<void> | undefined;

  constructor(source: LoaderSource, options: ParsedLoaderOptions, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#options = options;
    this.#signal = signal;
  }

  /** Not async, on purpose: a batch that is at hand costs one turn of the microtask queue. */
  next(): Promise<IteratorResult<Batch>> {
    const stream = this.#stream;
    if (stream === undefined || performance.now() - this.#turnStartedAt > TURN_MS) return this.#nextInTurn();
    const slot = stream.side.nextSoon();
    return slot === undefined ? this.#nextInTurn() : Promise.resolve(batchIn(stream, slot));
  }

  /** The same, after whatever else the event loop has to do. */
  async #nextInTurn(): Promise<IteratorResult<Batch>> {
    if (this.#closing !== undefined) return { done: true, value: undefined };
    this.#alive.ref();
    try {
      this.#opening ??= this.#open();
      const stream = await this.#opening;
      await new Promise((resolve) => setImmediate(resolve));
      this.#turnStartedAt = performance.now();
      const slot = stream === undefined ? -1 : await stream.side.next();
      if (stream !== undefined && slot >= 0) return batchIn(stream, slot);
      await this.#close();
      if (this.#failure !== undefined) throw this.#failure.error;
      return { done: true, value: undefined };
    } catch (thrown) {
      // Closing fails whatever is under way.
      const error = this.#failure?.error ?? thrown;
      await this.#close();
      throw error;
    } finally {
      this.#alive.unref();
    }
  }

  async return(): Promise<IteratorResult<Batch>> {
    await this.#close();
    return { done: true, value: undefined };
  }

  /** Undefined where the source is an iterable that yields nothing. */
  async #open(): Promise<Stream | undefined> {
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (this.#signal?.aborted) throw new InterruptedError('the loader was stopped');
    const source = await openSource(this.#source, this.#options, this.#signal);
    if (source.schema === undefined) return undefined;
    const { transform } = this.#options;
    const lanes = source.kind === 'files' ? producersFor(this.#options) : 1;
    const producers = source.kind === 'files' ? new Producers(lanes, lanes, transform) : undefined;
    try {
      return await this.#start(source, source.schema, lanes, producers);
    } catch (error) {
      if (source.kind === 'iterable') leave(source.items);
      await producers?.close();
      throw error;
    }
  }

  async #start(
    source: OpenedSource,
    schema: Schema,
    lanes: number,
    producers: Producers | undefined,
  ): Promise<Stream> {
    const transformed = await this.#transformed(source, schema, producers);
    const plan = planTensors(this.#options, transformed.schema, source.name);
    const splits = source.kind === 'files' ? source.dataset.splits.length : 1;
    const ring = this.#allocate(plan, lanes, splits);
    const control = new ControlSide(ring);
    const { transform } = transformed;
    const stream = { source, ring, control, side: new LoaderSide(ring), plan, transform, producers };
    this.#control = control;
    // Stopped while it was opening: nobody has told the ring yet.
    if (this.#failure !== undefined) control.abort();
    this.#feeding = this.#feed(stream).catch((error) => this.#fail(error));
    this.#stream = stream;
    return stream;
  }

  async #transformed(
    source: OpenedSource,
    schema: Schema,
    producers: Producers | undefined,
  ): Promise<TransformedSource> {
    const { transform: module, batch } = this.#options;
    if (module === undefined || source.kind !== 'files' || producers === undefined)
      return { schema, transform: undefined };
    const { lengthColumn } = batch;
    const about = { ...neededColumns(this.#options, schema), lengthColumn, projection: undefined };
    return planTransform(
      producers,
      source.dataset,
      { module: resolveLocation(module, process.cwd()), access: source.access, ...about },
      this.#signal,
    );
  }

  #allocate(plan: InputPlan, lanes: number, splits: number): Ring {
    const { batch, prefetch, maxBytes = availableMemory() / 4 } = this.#options;
    const slots = prefetch + 1;
    const buckets = bucketsOf({ batch });
    checkSlots({ batch, ring: { slots } }, buckets);
    const layout = planSlotLayout(buckets, plan.tensors, []);
    checkArena(layout, slots, maxBytes);
    const fixedOrder = batch.order === 'fixed';
    const maxDelayMicros = fixedOrder ? Number.POSITIVE_INFINITY : batch.maxDelayMs * 1000;
    const config = { slots, lanes, splits, maxDelayMicros, fixedOrder };
    return new Ring(createRingMemory(layout, config), MAIN_OWNER);
  }

  async #feed({ source, ring, control, plan, transform, producers }: Stream): Promise<void> {
    const { lengthColumn } = this.#options.batch;
    const clocks = createClockPage(ring.config.lanes);
    if (source.kind === 'files') {
      const id = `${process.pid}-loader-${passes++}`;
      const { splits, format, filter } = source.dataset;
      const context = {
        id,
        ring: ring.memory,
        clocks,
        inputs: plan.collate,
        lengthColumn,
        keep: [],
        transform,
        files: { format, storage: source.access, filter },
        splits,
      };
      await producers?.produce(context, control, { onProduced: () => {} });
    } else {
      const feeder = new Feeder(ring, 0, new StateClock(clocks, 0), plan.collate, lengthColumn);
      await feeder.feed(source.items);
    }
    await control.end();
  }

  /** The first failure counts; the ring's abort ends everything that waits in it. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#control?.abort();
  }

  #close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#stream = undefined;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    clearInterval(this.#alive);
    const stream = await this.#opening?.catch(() => undefined);
    if (stream === undefined) return;
    stream.control.abort();
    if (stream.source.kind === 'iterable') leave(stream.source.items);
    else await this.#feeding;
    await stream.producers?.close();
  }
}

function batchIn({ ring, side }: Stream, slot: number): IteratorResult<Batch> {
  return { done: false, value: new SlotBatch(ring, side, slot) };
}

function producersFor({ producers }: ParsedLoaderOptions): number {
  return producers === 'auto' ? Math.min(8, Math.max(1, availableParallelism() - 1)) : producers;
}
