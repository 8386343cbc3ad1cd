import { FairShares, Share } from '../consume/fair-share.js';
import { pop, push, retain } from '../util/heap.js';

/** A request that waits. */
export interface Queued {
  /** Its endpoint's place among the model's. */
  readonly endpoint: number;
  /** Its class: 1 is the first. */
  readonly priority: number;
  readonly weight: number;
  /** Microseconds of `now()`; Infinity for none. */
  readonly deadline: number;
  /** Rows that wait. */
  readonly waitingRows: number;
  readonly rowBytes: number;
  /** Waits no more, for whatever reason. */
  readonly isOver: boolean;
}

/** What of a request decides its place in the queue. */
export type Newcomer = Pick<Queued, 'endpoint' | 'priority' | 'weight' | 'deadline' | 'waitingRows'>;

/** Those of one endpoint and one class: a heap, the earliest deadline first, and among equals who came first. */
interface Stream<T> {
  readonly endpoint: number;
  readonly priority: number;
  readonly weight: number;
  readonly heap: Entry<T>[];
  rows: number;
  /** Requests that are not over. */
  live: number;
  latestDeadline: number;
}

interface Entry<T> {
  readonly item: T;
  readonly order: number;
}

/**
 * How many batches a stream may be owed before it comes first, whatever its class: see `fair-share.ts`. A burst of what is
 * more urgent goes first.
 */
const OWED_BATCHES = 16;

/** A heap with no more of what is over than this, beside what waits, is left as it is. */
const MOST_OVER = 64;

/**
 * What waits in front of a model: by class, then by weighted fair share of rows among the endpoints, then by deadline. What
 * is over is forgotten when its turn would come, or when there is more of it than of what waits.
 */
export class RequestQueue<T extends Queued> {
  readonly #bound: number;
  readonly #streams: Stream<T>[] = [];
  #shares: FairShares;
  #values = new Float64Array(0);
  #arrived = 0;
  #rows = 0;
  #bytes = 0;

  /** @param batchRows rows of a batch */
  constructor(batchRows: number) {
    this.#bound = OWED_BATCHES * batchRows;
    this.#shares = new FairShares(this.#values, this.#bound);
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  rowsOf(endpoint: number): number {
    return this.#streams.reduce((sum, stream) => (stream.endpoint === endpoint ? sum + stream.rows : sum), 0);
  }

  add(item: T): void {
    const place = this.#placeOf(item);
    const stream = this.#streams[place] as Stream<T>;
    if (stream.live === 0) this.#shares.enter(place);
    stream.live++;
    stream.latestDeadline = Math.max(stream.latestDeadline, item.deadline);
    push(stream.heap, { item, order: this.#arrived++ }, isBefore);
    this.#count(stream, item, item.waitingRows);
  }

  /** The one whose rows go next; undefined where none waits. */
  next(): T | undefined {
    const place = this.#shares.best();
    const stream = this.#streams[place];
    if (stream === undefined) return undefined;
    while (stream.heap[0]?.item.isOver) pop(stream.heap, isBefore);
    return stream.heap[0]?.item;
  }

  /** Rows of what `next` returned go into a slot. `isLast`: none of it waits any more. */
  took(item: T, rows: number, isLast: boolean): void {
    const place = this.#placeOf(item);
    const stream = this.#streams[place] as Stream<T>;
    this.#shares.charge(place, rows);
    this.#count(stream, item, -rows);
    if (!isLast) return;
    pop(stream.heap, isBefore);
    this.#lessOne(place, stream);
  }

  /** What is over does not wait any more. Called once, before its `waitingRows` change. */
  remove(item: T): void {
    const place = this.#placeOf(item);
    const stream = this.#streams[place] as Stream<T>;
    this.#count(stream, item, -item.waitingRows);
    this.#lessOne(place, stream);
    if (stream.heap.length > 2 * stream.live + MOST_OVER)
      retain(stream.heap, ({ item }) => !item.isOver, isBefore);
  }

  /**
   * Rows that go before those of a request that would come now, about: all of the classes before, those of its own stream
   * that have no later deadline, and of others of its class what their share is meanwhile.
   */
  rowsBefore(item: Newcomer): number {
    let own = item.waitingRows;
    let before = 0;
    for (const stream of this.#streams) {
      if (stream.priority < item.priority) before += stream.rows;
      else if (isOf(stream, item)) own += rowsUntil(stream, item.deadline);
    }
    for (const stream of this.#streams) {
      if (stream.priority !== item.priority || isOf(stream, item)) continue;
      before += Math.min(stream.rows, (own * stream.weight) / item.weight);
    }
    return before + own - item.waitingRows;
  }

  #lessOne(place: number, stream: Stream<T>): void {
    stream.live--;
    if (stream.live > 0) return;
    stream.heap.length = 0;
    stream.latestDeadline = 0;
    this.#shares.leave(place);
  }

  #count(stream: Stream<T>, { rowBytes }: T, rows: number): void {
    stream.rows += rows;
    this.#rows += rows;
    this.#bytes += rows * rowBytes;
  }

  #placeOf(item: T): number {
    const found = this.#streams.findIndex((stream) => isOf(stream, item));
    if (found >= 0) return found;
    const { endpoint, priority, weight } = item;
    this.#streams.push({ endpoint, priority, weight, heap: [], rows: 0, live: 0, latestDeadline: 0 });
    const values = new Float64Array(this.#streams.length * Share.numbers);
    values.set(this.#values);
    this.#values = values;
    this.#shares = new FairShares(values, this.#bound);
    this.#shares.add(this.#streams.length - 1, priority, weight);
    return this.#streams.length - 1;
  }
}

const isOf = <T>(stream: Stream<T>, item: Newcomer): boolean =>
  stream.endpoint === item.endpoint && stream.priority === item.priority;

function rowsUntil<T extends Queued>(stream: Stream<T>, deadline: number): number {
  if (deadline >= stream.latestDeadline) return stream.rows;
  return stream.heap.reduce(
    (sum, { item }) => (item.isOver || item.deadline > deadline ? sum : sum + item.waitingRows),
    0,
  );
}

function isBefore<T extends Queued>(a: Entry<T>, b: Entry<T>): boolean {
  return a.item.deadline === b.item.deadline ? a.order < b.order : a.item.deadline < b.item.deadline;
}
