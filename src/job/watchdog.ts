import { now } from '../clock/now.js';
import { type ClockPage, ClockReader, ConsumerState, ProducerState } from '../clock/state-clock.js';
import type { Split } from '../dataset/types.js';
import { SlotState, SlotWord, SplitWord } from '../ring/protocol.js';
import type { Ring } from '../ring/ring.js';
import { StuckError } from '../util/errors.js';
import { dumpOf } from './run-state.js';

/** What a watchdog looks at. */
export interface WatchedRun {
  readonly ring: Ring;
  readonly producers: ClockPage;
  readonly consumers: ClockPage;
  readonly splits: readonly Split[];
  /** Where parts are written. */
  readonly output: string | undefined;
  /** Parts that are committed, those of earlier runs included. */
  readonly parts: () => number;
}

/**
 * Looks after a run as a whole: where nothing at all has moved for `limitMs`, no producer, no slot, no consumer and no part,
 * calls `onStuck` with an error that names the stage that the others wait for, and the state of everything. Once. A run of
 * the model that is under way is not its business: see `hang-watch.ts`. Returns what ends the watch.
 */
export function watchForStandstill(
  run: WatchedRun,
  limitMs: number,
  onStuck: (error: StuckError) => void,
): () => void {
  const producers = new ClockReader(run.producers);
  const consumers = new ClockReader(run.consumers);
  let before = '';
  let since = now();
  const look = (): void => {
    const moment = momentOf(run, producers, consumers);
    const isRunning = every(consumers).some(({ state }) => state === ConsumerState.running);
    if (moment !== before || isRunning) {
      before = moment;
      since = now();
    } else if (now() - since >= limitMs * 1000) {
      clearInterval(timer);
      onStuck(standstill(run, producers, limitMs, dumpOf(run)));
    }
  };
  const timer = setInterval(look, Math.max(10, Math.min(1000, limitMs / 4)));
  timer.unref();
  return () => clearInterval(timer);
}

/** All that changes where anything moves. */
function momentOf({ ring, parts }: WatchedRun, producers: ClockReader, consumers: ClockReader): string {
  const words = [SlotWord.STATE, SlotWord.SEQUENCE, SlotWord.CLAIMED, SlotWord.SETTLED];
  const slots = Array.from({ length: ring.config.slots }, (_, slot) =>
    words.map((word) => ring.slotWord(slot, word)),
  );
  return JSON.stringify([parts(), slots, every(producers), every(consumers)]);
}

const every = (clocks: ClockReader): { readonly state: number; readonly since: number }[] =>
  Array.from({ length: clocks.count }, (_, clock) => clocks.current(clock));

function standstill(run: WatchedRun, producers: ClockReader, limitMs: number, state: string): StuckError {
  const limit = limitMs < 1000 ? `${limitMs} ms` : `${limitMs / 1000} s`;
  return new StuckError(`nothing has moved for ${limit}: ${stuckStage(run, producers)}`, {
    key: 'errors.stuckAfterMs',
    hint: 'What is complete is written: run the same job again, it goes on from there. Raise errors.stuckAfterMs where that may take so long.',
    state,
  });
}

const WORK: Readonly<Record<number, string>> = {
  [ProducerState.fetch]: 'reads',
  [ProducerState.decode]: 'decodes',
  [ProducerState.transform]: 'is in the transform, with rows of',
  [ProducerState.collate]: 'collates rows of',
};

/** What everything else waits for: whoever is at work, from the source on, and not at the end of it. */
function stuckStage(run: WatchedRun, producers: ClockReader): string {
  const { ring, splits, output } = run;
  for (let lane = 0; lane < producers.count; lane++) {
    const work = WORK[producers.current(lane).state];
    if (work === undefined) continue;
    const uri = splits[splitOf(ring, lane)]?.object.uri ?? 'the next split';
    return `producer ${lane} ${work} ${uri}, and does not come back`;
  }
  if (ring.mutex.owner !== 0) return `the ring is locked by its thread ${ring.mutex.owner}`;
  const isReady = ring.countIn(SlotState.READY) > 0;
  const isSealed = ring.countIn(SlotState.SEALED) > 0;
  if (isReady) return 'batches are ready, and no thread of the model takes one';
  if (isSealed) return 'a batch is closed, and its rows are not complete';
  return output === undefined
    ? 'the run does not come to its end'
    : `the sink does not come to an end with ${output}`;
}

/** The split that a lane works at; −1 for none. */
function splitOf(ring: Ring, lane: number): number {
  for (let split = 0; split < ring.config.splits; split++) {
    const isOurs = ring.splitWord(split, SplitWord.LANE) === lane + 1;
    if (isOurs && ring.splitWord(split, SplitWord.DONE) === 0) return split;
  }
  return -1;
}
