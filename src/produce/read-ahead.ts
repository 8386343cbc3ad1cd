import { setMaxListeners } from 'node:events';
import type { DataFile, RawBatch, Split } from '../dataset/types.js';
import type { UnfinishedSplit } from '../ring/control-side.js';
import { SEQUENTIAL_BYTES } from '../storage/sequential.js';
import { isRemote } from '../storage/uri.js';

/** A split that is being read. */
export interface SplitReading extends UnfinishedSplit {
  readonly file: DataFile;
  /** Its record batches. */
  readonly batches: AsyncIterable<RawBatch>;
}

/** Where a producer's splits come from. */
export interface SplitSource {
  readonly splits: readonly Split[];
  /** Those to begin with. */
  readonly unfinished: readonly UnfinishedSplit[];
  /** Producers that share the stream. */
  readonly producers: number;
  /** Splits that nobody has taken. */
  left(): number;
  /** Takes one of them; −1 where there is none. */
  take(): number;
  open(split: Split, signal: AbortSignal): Promise<DataFile>;
}

/** Splits that a producer has taken ahead, at most. */
const MOST_AHEAD = 32;
/** Bytes that all producers together read ahead, about: as much as a link of 1 GB/s delivers in 64 ms. */
const BYTES_AHEAD = 64 * 2 ** 20;

/**
 * The splits of a producer, one after another, each opened. Files on disks are opened when it is their turn. Of remote
 * ones, whose every read takes its time whatever it reads, several are opened ahead, and their first record batches
 * fetched, at the same time. A file is closed when the next split is asked for.
 *
 * @param stopped what is under way ends with it
 */
export function readSplits(source: SplitSource, stopped: AbortSignal): AsyncGenerator<SplitReading, void> {
  return areRemote(source.splits) ? readAhead(source, stopped) : readInTurn(source, stopped);
}

/** Whether the splits of a stream lie in remote storage. */
export function areRemote(splits: readonly Split[]): boolean {
  return splits[0] !== undefined && isRemote(splits[0].object.uri);
}

async function* readInTurn(source: SplitSource, stopped: AbortSignal): AsyncGenerator<SplitReading, void> {
  let open: { readonly uri: string; readonly file: DataFile } | undefined;
  try {
    for (let next = takeNext(source, 0); next !== undefined; next = takeNext(source, next.order)) {
      const { taken } = next;
      const split = source.splits[taken.split] as Split;
      const { uri } = split.object;
      if (open?.uri !== uri) {
        await open?.file.close();
        open = undefined;
        open = { uri, file: await source.open(split, stopped) };
      }
      yield { ...taken, file: open.file, batches: open.file.batches(split) };
    }
  } finally {
    await open?.file.close();
  }
}

async function* readAhead(source: SplitSource, stopped: AbortSignal): AsyncGenerator<SplitReading, void> {
  const ended = new AbortController();
  const signal = AbortSignal.any([stopped, ended.signal]);
  // One a request; each goes with its request.
  setMaxListeners(0, signal);
  const line: Ahead[] = [];
  let order = 0;
  let bytes = 0;
  const fill = (): void => {
    while (line.length === 0 || (line.length < shareOf(source) && bytes < BYTES_AHEAD / source.producers)) {
      const next = takeNext(source, order);
      if (next === undefined) return;
      order = next.order;
      const ahead = new Ahead(source, next.taken, signal);
      bytes += ahead.bytes;
      line.push(ahead);
    }
  };
  try {
    for (fill(); line[0] !== undefined; fill()) {
      const [ahead] = line;
      yield await ahead.reading;
      line.shift();
      bytes -= ahead.bytes;
      await ahead.close();
    }
  } finally {
    ended.abort(new Error('nobody reads on'));
    await Promise.all(line.map((ahead) => ahead.close()));
  }
}

/** So many splits may be taken that the other producers can take as many of those that are left. */
function shareOf(source: SplitSource): number {
  return Math.min(MOST_AHEAD, Math.ceil(source.left() / source.producers));
}

interface Taken {
  readonly taken: UnfinishedSplit;
  /** How many were taken with it. */
  readonly order: number;
}

function takeNext(source: SplitSource, order: number): Taken | undefined {
  const unfinished = source.unfinished[order];
  if (unfinished !== undefined) return { taken: unfinished, order: order + 1 };
  const split = source.take();
  return split < 0 ? undefined : { taken: { split, committedRows: 0 }, order: order + 1 };
}

/** A split that was taken before its turn. */
class Ahead {
  /** What reading it ahead holds in memory, about. */
  readonly bytes: number;
  readonly reading: Promise<SplitReading>;
  #file: DataFile | undefined;
  #batches: AsyncGenerator<RawBatch, void> | undefined;

  constructor(source: SplitSource, taken: UnfinishedSplit, signal: AbortSignal) {
    const split = source.splits[taken.split] as Split;
    // A file reads one record batch ahead of the one that was asked for, and storage ahead of small ones.
    const twoUnits = 2 * Math.ceil(split.bytes / split.count);
    this.bytes = Math.min(split.bytes, Math.max(twoUnits, SEQUENTIAL_BYTES));
    this.reading = this.#read(source, split, taken, signal);
    // It is looked at when it is its turn.
    this.reading.catch(() => {});
  }

  async #read(
    source: SplitSource,
    split: Split,
    taken: UnfinishedSplit,
    signal: AbortSignal,
  ): Promise<SplitReading> {
    this.#file = await source.open(split, signal);
    this.#batches = this.#file.batches(split);
    const first = await this.#batches.next();
    return { ...taken, file: this.#file, batches: startingWith(first, this.#batches) };
  }

  /** Awaits what is under way. */
  async close(): Promise<void> {
    await this.reading.catch(() => {});
    await this.#batches?.return().catch(() => {});
    await this.#file?.close();
  }
}

async function* startingWith<T>(
  first: IteratorResult<T, void>,
  rest: AsyncGenerator<T, void>,
): AsyncGenerator<T, void> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}
