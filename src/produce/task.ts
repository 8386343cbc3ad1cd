import { ProducerState, StateClock } from '../clock/state-clock.js';
import { openFile } from '../dataset/dataset.js';
import type { FileRequest } from '../dataset/types.js';
import type { UnfinishedSplit } from '../ring/control-side.js';
import { ProducerSide } from '../ring/producer-side.js';
import { laneOwner, Ring } from '../ring/ring.js';
import { remoteStorageAtRest } from '../storage/store.js';
import { toRecord } from '../util/errors.js';
import { TooManyBadRows } from './bad-rows.js';
import { Collator } from './collate.js';
import { Preparer } from './prepare.js';
import { areRemote, readSplits, type SplitSource } from './read-ahead.js';
import { decodeSchema } from './schema-bytes.js';
import { type ProducerSetup, SplitRun, takeTurn } from './split-run.js';
import { StopSignal } from './stop-signal.js';
import { Transform } from './transform.js';
import type { ProducedSplit, ProduceHooks, ProduceResult, ProducerContext, ProduceTask } from './types.js';

const NEVER = new AbortController().signal;

/** The task of a thread of the pool. */
export default async function produce(task: ProduceTask): Promise<ProduceResult> {
  const { port } = task;
  const produced = (split: ProducedSplit): void => {
    port.postMessage(
      split,
      split.keep.map((bytes) => bytes.buffer as ArrayBuffer),
    );
  };
  try {
    return await produceSplits(task, { produced });
  } finally {
    port.close();
  }
}

/** A producer: takes splits, one after another, and reads, decodes, transforms and collates them into the ring. */
export async function produceSplits(
  task: Omit<ProduceTask, 'port'>,
  hooks: ProduceHooks,
): Promise<ProduceResult> {
  const { context, lane } = task;
  const ring = new Ring(context.ring, laneOwner(lane));
  const clock = new StateClock(context.clocks, lane, ring.trace);
  const side = new ProducerSide(ring, lane);
  // Only who waits for something else than the ring has to be told.
  const waits = context.transform !== undefined || areRemote(context.splits);
  using stopping = waits ? StopSignal.ofRing(ring) : undefined;
  const signal = stopping?.signal ?? NEVER;
  let setup: ProducerSetup | undefined;
  try {
    setup = await setUp(ring, task, clock, signal, hooks);
    clock.switch(ProducerState.fetch);
    const source = splitsOf(context, task.unfinished, ring, side, setup.request);
    for await (const reading of readSplits(source, signal)) {
      const { split } = reading;
      const produced = await new SplitRun(setup, side, clock, reading).produce();
      hooks.produced(produced);
      if (hooks.turn !== undefined) await takeTurn(hooks.turn, clock, ProducerState.fetch);
      side.finishSplit(split);
      // Splits of local files are produced in one go; errors that nobody awaits come to light here.
      await new Promise((resolve) => setImmediate(resolve));
      clock.switch(ProducerState.fetch);
    }
    const { transform } = setup;
    setup = { ...setup, transform: undefined };
    await transform?.teardown();
    return undefined;
  } catch (error) {
    if (error instanceof TooManyBadRows) return { error: toRecord(error.error), letters: error.letters };
    return { error: toRecord(error) };
  } finally {
    // Where something else failed, that is what counts.
    await setup?.transform?.teardown().catch(() => {});
    // A thread that ends before its requests do would take the process with it.
    await remoteStorageAtRest();
    clock.switch(ProducerState.idle);
  }
}

/** The splits that a producer takes, and what it reads of them. */
export function splitsOf(
  context: ProducerContext,
  unfinished: readonly UnfinishedSplit[],
  ring: Ring,
  side: ProducerSide,
  request: FileRequest,
): SplitSource {
  return {
    splits: context.splits,
    unfinished,
    // Those at work, not those that there may be: reading ahead is shared out among them.
    get producers() {
      return ring.lanesInUse;
    },
    left: () => side.splitsLeft,
    take: () => side.takeSplit(),
    open: ({ object }, signal) => openFile(object, context.files, request, signal),
  };
}

async function setUp(
  ring: Ring,
  { context, lane }: Omit<ProduceTask, 'port'>,
  clock: StateClock,
  signal: AbortSignal,
  hooks: ProduceHooks,
): Promise<ProducerSetup> {
  const { lengthColumn, inputs, keep } = context;
  const collator = new Collator(ring, inputs, lengthColumn, clock);
  let transform: Transform | undefined;
  if (context.transform !== undefined) {
    clock.switch(ProducerState.transform);
    const { plan, types } = context.transform;
    transform = await Transform.load(plan, { producer: lane, signal }, decodeSchema(types));
  }
  const preparer = new Preparer(collator, clock, transform, keep);
  const request = requestFor(collator, context);
  return { context, lane, collator, preparer, transform, signal, request, hooks };
}

/** What a producer reads of each file. */
export function requestFor(collator: Collator, context: ProducerContext): Required<FileRequest> {
  const { lengthColumn, inputs, keep, transform } = context;
  const needed = [...inputs.map(({ column }) => column), ...keep, ...(lengthColumn ? [lengthColumn] : [])];
  return {
    columns: transform?.plan.columns ?? [...new Set(needed)],
    leave: leftInFile(collator, context),
  };
}

/** Neither what a transform may look at, nor what is kept, nor what must be looked at before it is written. */
function leftInFile(collator: Collator, { transform, keep, badRows }: ProducerContext): Set<string> {
  if (transform !== undefined) return new Set();
  const read = new Set([...keep, ...(badRows === undefined ? [] : collator.narrowing)]);
  return new Set(collator.storable.filter((column) => !read.has(column)));
}
