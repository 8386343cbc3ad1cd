import { now } from '../clock/now.js';
import { RingStatus, RunStatus, RunWord, SlotState, SlotWord } from './protocol.js';
import { PutOff } from './put-off.js';
import type { Ring, RowRun } from './ring.js';

/** A slot that is due and has no row is one whose producer died as it opened it: look again after this, milliseconds. */
export const RETRY_MS = 5;

/** What comes first among slots: the smallest. */
export type RankOf = (slot: number) => number;

/** What a consumer's thread does with the ring. */
export class ConsumerSide {
  readonly #ring: Ring;
  readonly #done: PutOff;
  readonly #number: number;

  /**
   * @param mostPutOff batches that are done, and of which nobody is told before this one takes the next; 1: each at once
   * @param number its own among the stream's consumers; the first is never sent away
   */
  constructor(ring: Ring, mostPutOff = ring.config.slots >> 1, number = 0) {
    this.#ring = ring;
    this.#number = number;
    this.#done = new PutOff(ring.done, mostPutOff);
  }

  /**
   * READY → RUNNING for the slot that became ready first; −1 where none is. With `rankOf`, a slot of a lower rank comes before
   * those of higher ones.
   */
  take(rankOf?: RankOf): number {
    for (;;) {
      const first = this.#firstReady(rankOf);
      if (first < 0 || this.#ring.exchange(first, SlotState.READY, SlotState.RUNNING)) return first;
    }
  }

  #firstReady(rankOf: RankOf | undefined): number {
    const ring = this.#ring;
    let first = -1;
    let sequence = 0;
    let rank = 0;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      if (ring.state(slot) !== SlotState.READY) continue;
      const ready = ring.slotWord(slot, SlotWord.SEQUENCE);
      const ranks = rankOf === undefined ? 0 : rankOf(slot);
      // The sequence may wrap: compare by difference.
      if (first < 0 || ranks < rank || (ranks === rank && ((ready - sequence) | 0) < 0)) {
        first = slot;
        sequence = ready;
        rank = ranks;
      }
    }
    return first;
  }

  /**
   * Sleeps until there is a slot, and takes it; −1 when nothing will come any more, the stream was stopped, or this consumer
   * is not to take any more.
   * `onIdle` is called before each sleep.
   */
  next(onIdle: () => void): number {
    const ring = this.#ring;
    for (;;) {
      const ticket = ring.ready.ticket();
      if (ring.status === RingStatus.ABORTED) return -1;
      if (this.#number >= ring.consumersInUse) {
        this.#done.give();
        return -1;
      }
      const slot = this.take();
      if (slot >= 0) return slot;
      this.#done.give();
      if (this.nothingWillCome) return -1;
      const delay = this.dueIn();
      if (delay === 0 && this.#sealDueLocked()) continue;
      onIdle();
      ring.ready.wait(ticket, delay === 0 ? RETRY_MS : delay);
    }
  }

  /**
   * For whoever may run only at times: when there is something to take. 0: now; otherwise milliseconds until rows have waited
   * for company as long as they may, Infinity for never.
   */
  workIn(): number {
    return this.hasReady ? 0 : this.dueIn();
  }

  get hasReady(): boolean {
    return this.#ring.countIn(SlotState.READY) > 0;
  }

  /**
   * Takes what there is at this moment, sealed only now; −1 where there is nothing after all, or the stream was stopped. An
   * open slot is left open, to fill, where others are to be taken before it. Sleeps while rows of what it takes are being
   * written.
   */
  takeNow(rankOf: RankOf): number {
    const ring = this.#ring;
    for (;;) {
      const ticket = ring.ready.ticket();
      if (ring.status === RingStatus.ABORTED) return -1;
      const ready = this.#firstReady(rankOf);
      if (this.dueIn() === 0 && (ready < 0 || this.#isOpenBefore(rankOf(ready), rankOf)))
        this.#sealDueLocked();
      const slot = this.take(rankOf);
      if (slot >= 0) return slot;
      if (ring.countIn(SlotState.SEALED) === 0) return -1;
      ring.ready.wait(ticket);
    }
  }

  #isOpenBefore(rank: number, rankOf: RankOf): boolean {
    const ring = this.#ring;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      if (ring.state(slot) === SlotState.FILLING && rankOf(slot) < rank) return true;
    }
    return false;
  }

  /**
   * Marks rows of a RUNNING slot, given by their places in it, ascending, as rejected: runs are cut so that each is of
   * rows that are, or of rows that are not. Returns what the rows are in their splits.
   */
  reject(slot: number, rows: readonly number[]): RowRun[] {
    const ring = this.#ring;
    const marked = new Set(rows);
    const rejected: RowRun[] = [];
    // Before they are written over.
    const voided = ring.runs(slot, RunStatus.VOID);
    const runs = ring.runs(slot).flatMap((run) => cut(run, marked));
    runs.forEach(({ isMarked, ...run }, i) => {
      this.#writeRun(slot, i, run, isMarked ? RunStatus.REJECTED : RunStatus.COMMITTED);
      if (isMarked) rejected.push(run);
    });
    for (const [i, run] of voided.entries()) this.#writeRun(slot, runs.length + i, run, RunStatus.VOID);
    ring.setSlotWord(slot, SlotWord.RUNS, runs.length + voided.length);
    return rejected;
  }

  #writeRun(slot: number, place: number, { split, row, first, count }: RowRun, status: RunStatus): void {
    const { words, map } = this.#ring;
    const record = map.run(slot, place);
    words[record + RunWord.SPLIT] = split;
    words[record + RunWord.ROW] = row;
    words[record + RunWord.FIRST] = first;
    words[record + RunWord.COUNT] = count;
    words[record + RunWord.STATUS] = status;
  }

  /** RUNNING → DONE: the outputs are written. */
  finish(slot: number): void {
    this.#ring.setState(slot, SlotState.DONE);
    this.#done.add();
  }

  /** Milliseconds until the oldest row of an open slot has waited for the delay: 0 where one has, Infinity for never. */
  dueIn(): number {
    const ring = this.#ring;
    const delay = ring.config.maxDelayMicros;
    if (delay === Number.POSITIVE_INFINITY) return delay;
    const at = now();
    let due = Number.POSITIVE_INFINITY;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      if (ring.state(slot) === SlotState.FILLING) due = Math.min(due, ring.openedAt(slot) + delay - at);
    }
    // Rounded up a little: a wake-up before the time would find nothing to do.
    return due <= 0 ? 0 : due / 1000 + 0.05;
  }

  /** L: seals the open slots whose oldest row has waited for the delay; whether there was one. */
  sealDue(): boolean {
    const ring = this.#ring;
    const openedBefore = now() - ring.config.maxDelayMicros;
    let sealed = false;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      if (ring.state(slot) !== SlotState.FILLING || ring.openedAt(slot) > openedBefore) continue;
      if (ring.slotWord(slot, SlotWord.CLAIMED) === 0) continue;
      ring.setSlotWord(slot, SlotWord.DELAYED, 1);
      ring.seal(slot);
      sealed = true;
    }
    return sealed;
  }

  #sealDueLocked(): boolean {
    this.#ring.lock();
    const sealed = this.sealDue();
    this.#ring.unlock();
    return sealed;
  }

  /** The stream has ended, and no slot is on its way to the consumer. */
  get nothingWillCome(): boolean {
    const ring = this.#ring;
    if (ring.status !== RingStatus.ENDED) return false;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      const state = ring.state(slot);
      if (state === SlotState.FILLING || state === SlotState.SEALED || state === SlotState.READY)
        return false;
    }
    return true;
  }
}

function cut(run: RowRun, marked: ReadonlySet<number>): (RowRun & { readonly isMarked: boolean })[] {
  const pieces: { split: number; row: number; first: number; count: number; isMarked: boolean }[] = [];
  for (let i = 0; i < run.count; i++) {
    const first = run.first + i;
    const isMarked = marked.has(first);
    const last = pieces.at(-1);
    if (last?.isMarked === isMarked) last.count++;
    else pieces.push({ split: run.split, row: run.row + i, first, count: 1, isMarked });
  }
  return pieces;
}
