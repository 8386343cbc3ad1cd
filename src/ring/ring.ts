import { now } from '../clock/now.js';
import { type TraceMemory, TraceWriter } from '../clock/trace.js';
import { bytesOf, type TypedArray, viewOf } from '../util/dtype.js';
import { EventCount } from '../util/event-count.js';
import { Mutex } from '../util/mutex.js';
import { type Bucket, rowElements, type SlotLayout, type TensorRegion } from './layout.js';
import {
  ControlMap,
  Header,
  RingStatus,
  RunStatus,
  RunWord,
  SlotState,
  SlotWord,
  SplitWord,
} from './protocol.js';

/** What decides the batches of a ring. */
export interface RingConfig {
  readonly slots: number;
  /** Producers that may be at work at the same time. */
  readonly lanes: number;
  /** Splits of the stream, known by their place in it. */
  readonly splits: number;
  /**
   * How long a row may wait for company, microseconds. Infinity: only a full slot or the end seals. 0: a consumer that
   * is idle takes what there is, so that batches grow only while it is busy (a latency-first stream).
   * The delay is enforced by the consumer that would otherwise sleep, so no timer is needed, and a busy device gets
   * fuller batches instead of earlier ones.
   */
  readonly maxDelayMicros: number;
  /**
   * Batches never mix splits and keep the order of rows: the same data makes the same batches, whatever the number of
   * producers. A loader hands them out in the order of the splits.
   */
  readonly fixedOrder: boolean;
}

/** A ring's shared memory; clonable between threads. */
export interface RingMemory {
  readonly control: SharedArrayBuffer;
  readonly arena: SharedArrayBuffer;
  /** Where its first slot begins, bytes: 0, or the first whole page. */
  readonly start: number;
  readonly layout: SlotLayout;
  readonly config: RingConfig;
  /** Where the states of slots are recorded, a track an owner; nowhere where it is left out. */
  readonly trace?: TraceMemory | undefined;
}

/** A run of rows as the sink sees it. */
export interface RowRun {
  /** Its place in the stream. */
  readonly split: number;
  /** First row, from the start of the split. */
  readonly row: number;
  /** First row in the slot. */
  readonly first: number;
  readonly count: number;
}

function mapOf(layout: SlotLayout, config: RingConfig): ControlMap {
  return new ControlMap({
    slots: config.slots,
    splits: config.splits,
    maxRows: Math.max(...layout.buckets.map(({ capacity }) => capacity)),
    openSlots: layout.buckets.length * (config.fixedOrder ? config.lanes : 1),
  });
}

/** The pages of the machine's memory. */
export interface PageGrid {
  /** Of one; a power of 2. */
  readonly bytes: number;
  /** How far the first whole page is from the beginning of a buffer, which begins anywhere: bytes. */
  startIn(buffer: ArrayBufferLike): number;
}

/**
 * Allocates a ring: one control page and one arena of `slots × layout.slotBytes`. `inUse`: slots and lanes that are in use
 * from the beginning, all by default; memory of others costs only addresses until they are. `pages`: where every slot is to
 * have whole pages of its own, so that it can be pinned.
 */
export function createRingMemory(
  layout: SlotLayout,
  config: RingConfig,
  inUse: { readonly slots: number; readonly lanes: number } = config,
  pages?: PageGrid,
): RingMemory {
  const control = new SharedArrayBuffer(mapOf(layout, config).totalWords * 4);
  const words = new Int32Array(control);
  words[Header.LANES] = inUse.lanes;
  words[Header.SLOTS] = inUse.slots;
  if (pages === undefined) {
    const arena = new SharedArrayBuffer(config.slots * layout.slotBytes);
    return { control, arena, start: 0, layout, config };
  }
  const slotBytes = Math.ceil(layout.slotBytes / pages.bytes) * pages.bytes;
  const arena = new SharedArrayBuffer(config.slots * slotBytes + pages.bytes);
  return { control, arena, start: pages.startIn(arena), layout: { ...layout, slotBytes }, config };
}

/**
 * One thread's view of a ring: the memory, the words by name, and the transitions that any thread may make.
 * The sides (`ProducerSide`, `ConsumerSide`, `SinkSide`, …) hold those that belong to one kind of thread.
 */
export class Ring {
  readonly memory: RingMemory;
  readonly words: Int32Array;
  readonly map: ControlMap;
  readonly mutex: Mutex;
  readonly ready: EventCount;
  readonly free: EventCount;
  readonly done: EventCount;
  readonly owner: number;
  /** The track of this thread. */
  readonly trace: TraceWriter | undefined;
  readonly #times: Float64Array;

  /** `owner`: a positive number that no other live thread uses on this ring; see `laneOwner` and its like. */
  constructor(memory: RingMemory, owner: number) {
    this.memory = memory;
    this.words = new Int32Array(memory.control);
    this.#times = new Float64Array(memory.control);
    this.map = mapOf(memory.layout, memory.config);
    this.mutex = new Mutex(this.words, Header.LOCK, Header.LOCK_SLEEPERS);
    this.ready = new EventCount(this.words, Header.READY, Header.READY_WAITERS);
    this.free = new EventCount(this.words, Header.FREE, Header.FREE_WAITERS);
    this.done = new EventCount(this.words, Header.DONE, Header.DONE_WAITERS);
    this.owner = owner;
    this.trace = memory.trace && new TraceWriter(memory.trace, owner);
  }

  get config(): RingConfig {
    return this.memory.config;
  }

  get layout(): SlotLayout {
    return this.memory.layout;
  }

  get status(): RingStatus {
    return Atomics.load(this.words, Header.STATUS) as RingStatus;
  }

  setStatus(status: RingStatus): void {
    // What is stopped stays so: an end that comes after it would have everybody wait for what never comes.
    if (this.status !== RingStatus.ABORTED) Atomics.store(this.words, Header.STATUS, status);
    this.ready.signal();
    this.free.signal();
    this.done.signal();
  }

  /** Slots that may be taken: those with a lower number. */
  get slotsInUse(): number {
    return Atomics.load(this.words, Header.SLOTS);
  }

  /** Producers that may take splits: those with a lower number. */
  get lanesInUse(): number {
    return Atomics.load(this.words, Header.LANES);
  }

  /** Consumers that may take batches: those with a lower number. */
  get consumersInUse(): number {
    return Atomics.load(this.words, Header.CONSUMERS) || Number.POSITIVE_INFINITY;
  }

  lock(): void {
    this.mutex.lock(this.owner);
  }

  /** Takes the lock if nobody has it; whether it did. */
  tryLock(): boolean {
    return this.mutex.tryLock(this.owner);
  }

  unlock(): void {
    this.mutex.unlock();
  }

  /** For the thread whose event loop must go on: see `Mutex`. */
  lockAsync(): Promise<void> {
    return this.mutex.lockAsync(this.owner);
  }

  state(slot: number): SlotState {
    return Atomics.load(this.words, this.map.slot(slot) + SlotWord.STATE) as SlotState;
  }

  /** Moves a slot from one state to another, if it is in the first: one atomic step. */
  exchange(slot: number, from: SlotState, to: SlotState): boolean {
    const word = this.map.slot(slot) + SlotWord.STATE;
    const moved = Atomics.compareExchange(this.words, word, from, to) === from;
    // Stamped after it has succeeded, and a store before it is made: so a slot's states are in the order of their times.
    if (moved && this.trace !== undefined) this.#record(slot, to);
    return moved;
  }

  setState(slot: number, state: SlotState): void {
    if (this.trace !== undefined) this.#record(slot, state);
    Atomics.store(this.words, this.map.slot(slot) + SlotWord.STATE, state);
  }

  #record(slot: number, state: SlotState): void {
    const rows = this.slotWord(slot, SlotWord.CLAIMED) - this.slotWord(slot, SlotWord.VOIDED);
    this.trace?.slot(slot, state, rows, now());
  }

  /** How many slots are in a state at this moment. */
  countIn(state: SlotState): number {
    let count = 0;
    for (let slot = 0; slot < this.config.slots; slot++) if (this.state(slot) === state) count++;
    return count;
  }

  /** A word of a slot's record; plain: read it in a state in which nobody writes it, or under the lock. */
  slotWord(slot: number, word: number): number {
    return this.words[this.map.slot(slot) + word] as number;
  }

  setSlotWord(slot: number, word: number, value: number): void {
    this.words[this.map.slot(slot) + word] = value;
  }

  addSlotWord(slot: number, word: number, value: number): void {
    this.setSlotWord(slot, word, this.slotWord(slot, word) + value);
  }

  /** A word of a split's record; plain. */
  splitWord(split: number, word: number): number {
    return this.words[this.map.split(split) + word] as number;
  }

  setSplitWord(split: number, word: number, value: number): void {
    this.words[this.map.split(split) + word] = value;
  }

  /** L: the first split that is not done yet, after those that have become so. */
  advanceFirstSplit(): void {
    let first = this.words[Header.FIRST_SPLIT] as number;
    while (first < this.config.splits && this.splitWord(first, SplitWord.DONE) === 1) first++;
    Atomics.store(this.words, Header.FIRST_SPLIT, first);
  }

  openedAt(slot: number): number {
    return this.#times[(this.map.slot(slot) + SlotWord.OPENED_AT) / 2] as number;
  }

  setOpenedAt(slot: number, micros: number): void {
    this.#times[(this.map.slot(slot) + SlotWord.OPENED_AT) / 2] = micros;
  }

  setCommittedAt(slot: number, micros: number): void {
    this.#times[(this.map.slot(slot) + SlotWord.COMMITTED_AT) / 2] = micros;
  }

  /** When the last of a slot's rows was committed, microseconds. Valid from READY to DRAINING. */
  committedAt(slot: number): number {
    return this.#times[(this.map.slot(slot) + SlotWord.COMMITTED_AT) / 2] as number;
  }

  /** Whether a slot left because its rows had waited for as long as they may. Valid from READY to DRAINING. */
  waitedInVain(slot: number): boolean {
    return this.slotWord(slot, SlotWord.DELAYED) === 1;
  }

  /** Where the open slot of a bucket is named: in fixed order every lane has open slots of its own. */
  place(lane: number, bucket: number): number {
    return this.config.fixedOrder ? lane * this.layout.buckets.length + bucket : bucket;
  }

  /** The bucket of a slot's rows, as a place among the layout's. */
  bucketIndex(slot: number): number {
    return this.slotWord(slot, SlotWord.PLACE) % this.layout.buckets.length;
  }

  bucketOf(slot: number): Bucket {
    return this.layout.buckets[this.bucketIndex(slot)] as Bucket;
  }

  /** Where a slot begins in the arena, bytes. */
  slotStart(slot: number): number {
    return this.memory.start + slot * this.layout.slotBytes;
  }

  /** A tensor's elements in a slot: `rows` rows of a bucket. */
  view(slot: number, region: TensorRegion, bucket: Bucket, rows = bucket.capacity): TypedArray {
    const byteOffset = this.slotStart(slot) + region.byteOffset;
    return viewOf(region.dtype, this.memory.arena, byteOffset, rows * rowElements(region, bucket));
  }

  /** All of a tensor's region in a slot. */
  regionView(slot: number, region: TensorRegion): TypedArray {
    const byteOffset = this.slotStart(slot) + region.byteOffset;
    return viewOf(region.dtype, this.memory.arena, byteOffset, region.byteLength / bytesOf(region.dtype));
  }

  /** L: FREE → FILLING: the open slot of a place, without a row. */
  open(slot: number, place: number): void {
    this.setSlotWord(slot, SlotWord.PLACE, place);
    this.setSlotWord(slot, SlotWord.CLAIMED, 0);
    this.setSlotWord(slot, SlotWord.SETTLED, 0);
    this.setSlotWord(slot, SlotWord.VOIDED, 0);
    this.setSlotWord(slot, SlotWord.TOKENS, 0);
    this.setSlotWord(slot, SlotWord.BATCH, 0);
    this.setSlotWord(slot, SlotWord.DELAYED, 0);
    this.setSlotWord(slot, SlotWord.RUNS, 0);
    this.setOpenedAt(slot, now());
    this.setState(slot, SlotState.FILLING);
    this.words[this.map.open(place)] = slot + 1;
  }

  /** L: FILLING → SEALED, and on to READY where all its rows are settled. */
  seal(slot: number): void {
    this.words[this.map.open(this.slotWord(slot, SlotWord.PLACE))] = 0;
    this.setState(slot, SlotState.SEALED);
    this.settle(slot);
  }

  /** L: SEALED → READY (or FREE, where no row is left in it), once all its rows are settled. */
  settle(slot: number): void {
    if (this.state(slot) !== SlotState.SEALED) return;
    const claimed = this.slotWord(slot, SlotWord.CLAIMED);
    if (this.slotWord(slot, SlotWord.SETTLED) < claimed) return;
    if (this.slotWord(slot, SlotWord.VOIDED) === claimed) {
      this.setState(slot, SlotState.FREE);
      this.free.signal();
      return;
    }
    const sequence = this.words[Header.NEXT_SEQUENCE] as number;
    this.words[Header.NEXT_SEQUENCE] = (sequence + 1) | 0;
    this.setSlotWord(slot, SlotWord.SEQUENCE, sequence);
    this.setState(slot, SlotState.READY);
    this.ready.signal();
  }

  /** The runs of a slot that have a status: by default those whose rows count. Valid from READY to DRAINING. */
  runs(slot: number, status: RunStatus = RunStatus.COMMITTED): RowRun[] {
    const { words, map } = this;
    const runs: RowRun[] = [];
    for (let i = 0; i < this.slotWord(slot, SlotWord.RUNS); i++) {
      const run = map.run(slot, i);
      if (words[run + RunWord.STATUS] !== status) continue;
      runs.push({
        split: words[run + RunWord.SPLIT] as number,
        row: words[run + RunWord.ROW] as number,
        first: words[run + RunWord.FIRST] as number,
        count: words[run + RunWord.COUNT] as number,
      });
    }
    return runs;
  }
}

/** Owners of the ring's lock: the main thread, then lanes, then consumers and the sink. */
export const MAIN_OWNER = 1;
export const laneOwner = (lane: number): number => 2 + lane;
export const consumerOwner = (lanes: number, consumer: number): number => 2 + lanes + consumer;
