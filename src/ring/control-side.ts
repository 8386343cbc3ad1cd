import { Header, RingStatus, RunStatus, RunWord, SlotState, SlotWord, SplitWord } from './protocol.js';
import { laneOwner, type Ring } from './ring.js';

/** A split that a producer had taken and not finished when it died. */
export interface UnfinishedSplit {
  readonly split: number;
  /** Rows from its start that are in the ring. */
  readonly committedRows: number;
}

/** What the main thread does with the ring: it ends the stream, and clears up after the dead. */
export class ControlSide {
  readonly #ring: Ring;

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  /** No more rows will come; what is open goes on its way. */
  async end(): Promise<void> {
    const ring = this.#ring;
    await ring.lockAsync();
    for (let slot = 0; slot < ring.config.slots; slot++) {
      if (ring.state(slot) === SlotState.FILLING) ring.seal(slot);
    }
    ring.unlock();
    ring.setStatus(RingStatus.ENDED);
  }

  /** Puts more slots to use; whoever waits for one looks again. */
  useSlots(slots: number): void {
    Atomics.store(this.#ring.words, Header.SLOTS, Math.min(slots, this.#ring.config.slots));
    this.#ring.free.signal();
  }

  /** How many lanes may take splits from now on. */
  useLanes(lanes: number): void {
    Atomics.store(this.#ring.words, Header.LANES, Math.min(lanes, this.#ring.config.lanes));
  }

  /** How many consumers, one at the least, may take batches from now on; others leave, also those that sleep. */
  useConsumers(consumers: number): void {
    Atomics.store(this.#ring.words, Header.CONSUMERS, Math.max(1, consumers));
    this.#ring.ready.signal();
  }

  /** Everybody stops at the next look at the ring. */
  abort(): void {
    this.#ring.setStatus(RingStatus.ABORTED);
  }

  /**
   * The thread of `lane` is gone, or gave up in the middle: recovers the lock if it died holding it, and takes back what
   * it had claimed and not committed. Returns the splits that whoever takes over the lane has to finish, in their order.
   */
  async recover(lane: number): Promise<UnfinishedSplit[]> {
    const ring = this.#ring;
    if (ring.mutex.owner === laneOwner(lane)) {
      // Nobody else can be inside: we act in its name.
      this.#addUpAgain();
      ring.unlock();
    }
    await ring.lockAsync();
    for (let slot = 0; slot < ring.config.slots; slot++) {
      const state = ring.state(slot);
      if (state !== SlotState.FILLING && state !== SlotState.SEALED) continue;
      if (ring.config.fixedOrder) this.#retractRun(slot, lane);
      else this.#voidRuns(slot, lane);
    }
    const unfinished = this.#unfinished(lane);
    ring.unlock();
    // It may have died between a change and the signal that tells of it, whether it held the lock or not.
    ring.ready.signal();
    ring.free.signal();
    return unfinished;
  }

  /** L */
  #unfinished(lane: number): UnfinishedSplit[] {
    const ring = this.#ring;
    const found: UnfinishedSplit[] = [];
    for (let split = ring.words[Header.FIRST_SPLIT] as number; split < ring.config.splits; split++) {
      if (ring.splitWord(split, SplitWord.LANE) !== lane + 1) continue;
      if (ring.splitWord(split, SplitWord.DONE) === 1) continue;
      found.push({ split, committedRows: ring.splitWord(split, SplitWord.COMMITTED_ROWS) });
    }
    return found;
  }

  /** L: a batch that others fill too keeps the room of the lost rows, masked out. */
  #voidRuns(slot: number, lane: number): void {
    const ring = this.#ring;
    for (let i = 0; i < ring.slotWord(slot, SlotWord.RUNS); i++) {
      const run = ring.map.run(slot, i);
      if (!this.#isClaimedBy(run, lane)) continue;
      const count = ring.words[run + RunWord.COUNT] as number;
      ring.words[run + RunWord.STATUS] = RunStatus.VOID;
      ring.addSlotWord(slot, SlotWord.VOIDED, count);
      ring.addSlotWord(slot, SlotWord.SETTLED, count);
    }
    ring.settle(slot);
  }

  /**
   * L: in fixed order the lane alone fills the slot, so what it lost is the last run: taking it out as if it had never
   * been claimed lets the next attempt make the very same batch.
   */
  #retractRun(slot: number, lane: number): void {
    const ring = this.#ring;
    const runs = ring.slotWord(slot, SlotWord.RUNS);
    if (runs === 0) return;
    const run = ring.map.run(slot, runs - 1);
    if (!this.#isClaimedBy(run, lane)) return;
    ring.addSlotWord(slot, SlotWord.CLAIMED, -(ring.words[run + RunWord.COUNT] as number));
    ring.setSlotWord(slot, SlotWord.RUNS, runs - 1);
    const batch = ring.slotWord(slot, SlotWord.BATCH);
    const split = ring.words[run + RunWord.SPLIT] as number;
    if (batch > 0) ring.setSplitWord(split, SplitWord.BATCHES, batch - 1);
    ring.setSlotWord(slot, SlotWord.BATCH, 0);
    const open = ring.map.open(ring.slotWord(slot, SlotWord.PLACE));
    ring.words[open] = runs > 1 ? slot + 1 : 0;
    ring.setState(slot, runs > 1 ? SlotState.FILLING : SlotState.FREE);
    if (runs === 1) ring.free.signal();
  }

  #isClaimedBy(run: number, lane: number): boolean {
    const { words } = this.#ring;
    return words[run + RunWord.PRODUCER] === lane && words[run + RunWord.STATUS] === RunStatus.CLAIMED;
  }

  /** L, in the name of a dead owner: sums and open slots are made to agree with the table of runs. */
  #addUpAgain(): void {
    const ring = this.#ring;
    const places = ring.layout.buckets.length * (ring.config.fixedOrder ? ring.config.lanes : 1);
    for (let place = 0; place < places; place++) ring.words[ring.map.open(place)] = 0;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      const state = ring.state(slot);
      if (state !== SlotState.FILLING && state !== SlotState.SEALED) continue;
      this.#addUpSlot(slot);
      if (state === SlotState.FILLING) {
        ring.words[ring.map.open(ring.slotWord(slot, SlotWord.PLACE))] = slot + 1;
        // The dead had filled it, and not come to seal it. (In fixed order its run is taken back.)
        const isFull = ring.slotWord(slot, SlotWord.CLAIMED) === ring.bucketOf(slot).capacity;
        if (isFull && !ring.config.fixedOrder) ring.seal(slot);
      } else ring.settle(slot);
    }
    ring.advanceFirstSplit();
  }

  #addUpSlot(slot: number): void {
    const ring = this.#ring;
    let claimed = 0;
    let settled = 0;
    let voided = 0;
    for (let i = 0; i < ring.slotWord(slot, SlotWord.RUNS); i++) {
      const run = ring.map.run(slot, i);
      const count = ring.words[run + RunWord.COUNT] as number;
      const status = ring.words[run + RunWord.STATUS];
      claimed += count;
      if (status !== RunStatus.CLAIMED) settled += count;
      if (status === RunStatus.VOID) voided += count;
      if (status === RunStatus.COMMITTED) this.#raiseCommitted(run);
    }
    ring.setSlotWord(slot, SlotWord.CLAIMED, claimed);
    ring.setSlotWord(slot, SlotWord.SETTLED, settled);
    ring.setSlotWord(slot, SlotWord.VOIDED, voided);
  }

  /** The dead may have marked a run committed and not yet raised its split's count. */
  #raiseCommitted(run: number): void {
    const ring = this.#ring;
    const { words } = ring;
    const split = words[run + RunWord.SPLIT] as number;
    const end = (words[run + RunWord.ROW] as number) + (words[run + RunWord.COUNT] as number);
    if (end > ring.splitWord(split, SplitWord.COMMITTED_ROWS))
      ring.setSplitWord(split, SplitWord.COMMITTED_ROWS, end);
  }
}
