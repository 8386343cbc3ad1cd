import { viewOf } from '../util/dtype.js';
import { EventCount } from '../util/event-count.js';
import { Mutex } from '../util/mutex.js';
import type { SlotLayout, TensorRegion } from './layout.js';
import {
  ControlMap,
  Header,
  LaneWord,
  type RingShape,
  RingStatus,
  RunStatus,
  RunWord,
  SlotState,
  SlotWord,
} from './protocol.js';

/** What decides the batches of a ring. */
export interface RingConfig extends RingShape {
  /**
   * How long a row may wait for company, microseconds; Infinity where only a full slot or the end seals.
   * A delay is enforced by the consumer that would otherwise sleep, so no timer is needed, and a busy device gets
   * fuller batches instead of earlier ones.
   */
  readonly maxDelayMicros: number;
  /** Every producer fills slots of its own (bucket = lane), sealed at the end of its split. */
  readonly fixedOrder: boolean;
}

/** A ring's shared memory; clonable between threads. */
export interface RingMemory {
  readonly control: SharedArrayBuffer;
  readonly arena: SharedArrayBuffer;
  readonly layout: SlotLayout;
  readonly config: RingConfig;
}

/** Allocates a ring: one control page and one arena of `slots × layout.slotBytes`. */
export function createRingMemory(layout: SlotLayout, config: RingConfig): RingMemory {
  const map = new ControlMap(config);
  return {
    control: new SharedArrayBuffer(map.totalWords * 4),
    arena: new SharedArrayBuffer(config.slots * layout.slotBytes),
    layout,
    config,
  };
}

/** A run of rows as the sink sees it. */
export interface RowRun {
  readonly split: number;
  /** First row, from the start of the split. */
  readonly row: number;
  /** First row in the slot. */
  readonly first: number;
  readonly count: number;
}

/**
 * One thread's view of a ring: the memory, the words by name, and the transitions that any thread may make.
 * The sides (`ProducerSide`, `ConsumerSide`, `SinkSide`) hold those that belong to one kind of thread.
 */
export class Ring {
  readonly memory: RingMemory;
  readonly words: Int32Array;
  readonly map: ControlMap;
  readonly ready: EventCount;
  readonly free: EventCount;
  readonly done: EventCount;
  readonly #times: Float64Array;
  readonly #mutex: Mutex;
  readonly #owner: number;

  /** `owner`: a positive number that no other live thread uses on this ring; see `ringOwner`. */
  constructor(memory: RingMemory, owner: number) {
    this.memory = memory;
    this.words = new Int32Array(memory.control);
    this.#times = new Float64Array(memory.control);
    this.map = new ControlMap(memory.config);
    this.#mutex = new Mutex(this.words, Header.LOCK, Header.LOCK_SLEEPERS);
    this.ready = new EventCount(this.words, Header.READY, Header.READY_WAITERS);
    this.free = new EventCount(this.words, Header.FREE, Header.FREE_WAITERS);
    this.done = new EventCount(this.words, Header.DONE, Header.DONE_WAITERS);
    this.#owner = owner;
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

  state(slot: number): SlotState {
    return Atomics.load(this.words, this.map.slot(slot) + SlotWord.STATE) as SlotState;
  }

  /** A word of a slot's record; plain: read it in a state in which nobody writes it, or under the lock. */
  slotWord(slot: number, word: number): number {
    return this.words[this.map.slot(slot) + word] as number;
  }

  setSlotWord(slot: number, word: number, value: number): void {
    this.words[this.map.slot(slot) + word] = value;
  }

  openedAt(slot: number): number {
    return this.#times[(this.map.slot(slot) + SlotWord.OPENED_AT) / 2] as number;
  }

  setOpenedAt(slot: number, micros: number): void {
    this.#times[(this.map.slot(slot) + SlotWord.OPENED_AT) / 2] = micros;
  }

  /** A tensor's elements in a slot, for `rows` rows. */
  view(slot: number, region: TensorRegion, rows = this.layout.capacity) {
    const byteOffset = slot * this.layout.slotBytes + region.byteOffset;
    return viewOf(region.dtype, this.memory.arena, byteOffset, rows * region.rowSize);
  }

  /** Moves a slot from one state to another, if it is in the first: one atomic step. */
  exchange(slot: number, from: SlotState, to: SlotState): boolean {
    return Atomics.compareExchange(this.words, this.map.slot(slot) + SlotWord.STATE, from, to) === from;
  }

  setState(slot: number, state: SlotState): void {
    Atomics.store(this.words, this.map.slot(slot) + SlotWord.STATE, state);
  }

  locked<T>(section: () => T): T {
    this.#mutex.lock(this.#owner);
    try {
      return section();
    } finally {
      this.#mutex.unlock();
    }
  }

  lock(): void {
    this.#mutex.lock(this.#owner);
  }

  unlock(): void {
    this.#mutex.unlock();
  }

  get lockOwner(): number {
    return this.#mutex.owner;
  }

  /** L: FILLING → SEALED, and on to READY where all its rows are settled. */
  seal(slot: number): void {
    const { words, map } = this;
    words[map.open(this.slotWord(slot, SlotWord.BUCKET))] = 0;
    this.setState(slot, SlotState.SEALED);
    this.settle(slot);
  }

  /** L: SEALED → READY (or FREE, where every row was voided), once all its rows are settled. */
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

  /** The rows of a slot that count: its runs without the voided ones. Valid from READY to DRAINING. */
  runs(slot: number): RowRun[] {
    const { words, map } = this;
    const runs: RowRun[] = [];
    for (let i = 0; i < this.slotWord(slot, SlotWord.RUNS); i++) {
      const run = map.run(slot, i);
      if (words[run + RunWord.STATUS] !== RunStatus.COMMITTED) continue;
      runs.push({
        split: words[run + RunWord.SPLIT] as number,
        row: words[run + RunWord.ROW] as number,
        first: words[run + RunWord.FIRST] as number,
        count: words[run + RunWord.COUNT] as number,
      });
    }
    return runs;
  }

  /** Main thread: no more rows will come; what is open goes on its way. */
  end(): void {
    this.locked(() => {
      for (let slot = 0; slot < this.config.slots; slot++) {
        if (this.state(slot) === SlotState.FILLING) this.seal(slot);
      }
    });
    this.#setStatus(RingStatus.ENDED);
  }

  /** Main thread: everybody stops at the next look at the ring. */
  abort(): void {
    this.#setStatus(RingStatus.ABORTED);
  }

  /** Nothing is in the ring, and nothing will come. */
  get drained(): boolean {
    if (this.status === RingStatus.OPEN) return false;
    for (let slot = 0; slot < this.config.slots; slot++) {
      if (this.state(slot) !== SlotState.FREE) return false;
    }
    return true;
  }

  #setStatus(status: RingStatus): void {
    Atomics.store(this.words, Header.STATUS, status);
    this.ready.signal();
    this.free.signal();
    this.done.signal();
  }

  /**
   * Main thread, once the thread of `lane` is gone: recovers the lock if it died holding it, voids what it had claimed
   * and not committed, and returns how many rows of its split, from the start, are committed.
   */
  recoverLane(lane: number, owner: number): { readonly split: number; readonly committedRows: number } {
    if (this.lockOwner === owner) {
      this.#addUpAgain();
      this.#mutex.unlock();
    }
    return this.locked(() => {
      const { words, map } = this;
      for (let slot = 0; slot < this.config.slots; slot++) {
        const state = this.state(slot);
        if (state !== SlotState.FILLING && state !== SlotState.SEALED) continue;
        this.#voidRuns(slot, lane);
        this.settle(slot);
      }
      return {
        split: words[map.lane(lane) + LaneWord.SPLIT] as number,
        committedRows: words[map.lane(lane) + LaneWord.COMMITTED_ROWS] as number,
      };
    });
  }

  #voidRuns(slot: number, lane: number): void {
    const { words, map } = this;
    for (let i = 0; i < this.slotWord(slot, SlotWord.RUNS); i++) {
      const run = map.run(slot, i);
      if (words[run + RunWord.PRODUCER] !== lane || words[run + RunWord.STATUS] !== RunStatus.CLAIMED)
        continue;
      const count = words[run + RunWord.COUNT] as number;
      words[run + RunWord.STATUS] = RunStatus.VOID;
      this.setSlotWord(slot, SlotWord.VOIDED, this.slotWord(slot, SlotWord.VOIDED) + count);
      this.setSlotWord(slot, SlotWord.SETTLED, this.slotWord(slot, SlotWord.SETTLED) + count);
    }
  }

  /** L, in the name of a dead owner: sums and open slots are made to agree with the table of runs. */
  #addUpAgain(): void {
    const { words, map } = this;
    for (let bucket = 0; bucket < this.config.capacities.length; bucket++) words[map.open(bucket)] = 0;
    for (let slot = 0; slot < this.config.slots; slot++) {
      const state = this.state(slot);
      if (state !== SlotState.FILLING && state !== SlotState.SEALED) continue;
      let claimed = 0;
      let settled = 0;
      let voided = 0;
      for (let i = 0; i < this.slotWord(slot, SlotWord.RUNS); i++) {
        const run = map.run(slot, i);
        const count = words[run + RunWord.COUNT] as number;
        const status = words[run + RunWord.STATUS] as number;
        claimed += count;
        if (status !== RunStatus.CLAIMED) settled += count;
        if (status === RunStatus.VOID) voided += count;
        if (status === RunStatus.COMMITTED) this.#raiseCommitted(run);
      }
      this.setSlotWord(slot, SlotWord.CLAIMED, claimed);
      this.setSlotWord(slot, SlotWord.SETTLED, settled);
      this.setSlotWord(slot, SlotWord.VOIDED, voided);
      if (state === SlotState.FILLING) words[map.open(this.slotWord(slot, SlotWord.BUCKET))] = slot + 1;
      else this.settle(slot);
    }
  }

  /** The dead may have marked a run committed and not yet raised its lane's count. */
  #raiseCommitted(run: number): void {
    const { words, map } = this;
    const lane = map.lane(words[run + RunWord.PRODUCER] as number);
    if (words[lane + LaneWord.SPLIT] !== words[run + RunWord.SPLIT]) return;
    const end = (words[run + RunWord.ROW] as number) + (words[run + RunWord.COUNT] as number);
    if (end > (words[lane + LaneWord.COMMITTED_ROWS] as number)) words[lane + LaneWord.COMMITTED_ROWS] = end;
  }
}

/** Owners of the ring's lock: the main thread, then lanes, then consumers and the sink. */
export const MAIN_OWNER = 1;
export const laneOwner = (lane: number): number => 2 + lane;
export const consumerOwner = (lanes: number, consumer: number): number => 2 + lanes + consumer;
