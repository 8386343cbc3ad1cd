/*
 * What the main thread and the consumers of a stream of online requests share beside the ring: a run in a slot is of one
 * request, known by its place in this table (`RunWord.SPLIT`), and its rows are counted from the start of the request.
 *
 *   word 0    1 while requests wait that no slot has room for        main; a consumer that takes a slot looks
 *   word 16…  of each place: RequestState                            one compare-and-swap by whoever changes it
 *   value     of each place: its deadline, microseconds of now()     main, before the request is in a slot
 *   value     of each slot: the first class of what is in it, and    main, under the ring's lock, while it fills
 *             the earliest deadline
 *   value     of each slot: when its run began, and ended, or 0      its consumer, before the slot is DONE
 *
 * A request is in one of these states. Who first takes it out of WAITING decides whether it runs: a consumer that takes a
 * slot with rows of it, or main, which tells the client that it won't.
 */
export const RequestState = { WAITING: 0, TAKEN: 1, ENDED: 2 } as const;
export type RequestState = (typeof RequestState)[keyof typeof RequestState];

const HEAD_WORDS = 16;
const BEGAN = 0;
const ENDED = 1;
const PRIORITY = 2;
const DEADLINE = 3;
const SLOT_VALUES = 4;

/** Clonable between threads. */
export interface RequestPageMemory {
  readonly words: SharedArrayBuffer;
  readonly values: SharedArrayBuffer;
  readonly places: number;
}

export function createRequestPage(places: number, slots: number): RequestPageMemory {
  return {
    words: new SharedArrayBuffer((HEAD_WORDS + places) * 4),
    values: new SharedArrayBuffer((places + slots * SLOT_VALUES) * 8),
    places,
  };
}

export class RequestPage {
  readonly places: number;
  readonly #words: Int32Array;
  readonly #values: Float64Array;

  constructor({ words, values, places }: RequestPageMemory) {
    this.#words = new Int32Array(words);
    this.#values = new Float64Array(values);
    this.places = places;
  }

  /** Whether requests wait that no slot has room for: then main is told when a slot is taken. */
  get isCrowded(): boolean {
    return Atomics.load(this.#words, 0) === 1;
  }

  set isCrowded(is: boolean) {
    Atomics.store(this.#words, 0, is ? 1 : 0);
  }

  /** A request in a place that nobody has, before it is in a slot. */
  begin(place: number, deadline: number): void {
    this.#values[place] = deadline;
    Atomics.store(this.#words, HEAD_WORDS + place, RequestState.WAITING);
  }

  deadline(place: number): number {
    return this.#values[place] as number;
  }

  state(place: number): RequestState {
    return Atomics.load(this.#words, HEAD_WORDS + place) as RequestState;
  }

  /** Consumer: whether rows of it run. Once some did, others may follow. */
  take(place: number): boolean {
    const { WAITING, TAKEN } = RequestState;
    const before = Atomics.compareExchange(this.#words, HEAD_WORDS + place, WAITING, TAKEN);
    return before !== RequestState.ENDED;
  }

  /** Main: whether no row of it has run; none will then. */
  endWaiting(place: number): boolean {
    const { WAITING, ENDED } = RequestState;
    return Atomics.compareExchange(this.#words, HEAD_WORDS + place, WAITING, ENDED) === WAITING;
  }

  /** Rows that are not running yet won't. */
  end(place: number): void {
    Atomics.store(this.#words, HEAD_WORDS + place, RequestState.ENDED);
  }

  /** Consumer: `ended` is 0 while it runs, both are where nothing of the slot has run. */
  ran(slot: number, began: number, ended: number): void {
    this.#set(slot, BEGAN, began);
    this.#set(slot, ENDED, ended);
  }

  began(slot: number): number {
    return this.#get(slot, BEGAN);
  }

  ended(slot: number): number {
    return this.#get(slot, ENDED);
  }

  /** Main: nothing is in the slot yet. */
  clear(slot: number): void {
    this.#set(slot, PRIORITY, Number.POSITIVE_INFINITY);
    this.#set(slot, DEADLINE, Number.POSITIVE_INFINITY);
  }

  /** Main: rows of such a request are in the slot. */
  enter(slot: number, priority: number, deadline: number): void {
    this.#set(slot, PRIORITY, Math.min(priority, this.priority(slot)));
    this.#set(slot, DEADLINE, Math.min(deadline, this.earliest(slot)));
  }

  /** The first class of what is in the slot. */
  priority(slot: number): number {
    return this.#get(slot, PRIORITY);
  }

  /** The earliest deadline of what is in the slot. */
  earliest(slot: number): number {
    return this.#get(slot, DEADLINE);
  }

  #get(slot: number, value: number): number {
    return this.#values[this.places + slot * SLOT_VALUES + value] as number;
  }

  #set(slot: number, value: number, to: number): void {
    this.#values[this.places + slot * SLOT_VALUES + value] = to;
  }
}
