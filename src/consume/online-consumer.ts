import { now } from '../clock/now.js';
import { ConsumerState, StateClock } from '../clock/state-clock.js';
import { ConsumerSide } from '../ring/consumer-side.js';
import { RingStatus, SlotState, SlotWord } from '../ring/protocol.js';
import { RequestPage } from '../ring/request-page.js';
import { Ring } from '../ring/ring.js';
import type { Session } from '../session/types.js';
import { BatchRunner } from './batch-runner.js';
import { dropEnded } from './drop-ended.js';
import { Gate } from './gate.js';
import { rejectRows } from './reject-rows.js';
import type { OnlineAttachment, RejectedRow } from './types.js';

/** After so long without a run, one is let run although it would seem to be too late: times may have changed. */
const FORGET_MICROS = 10e6;

/**
 * Runs online requests: takes a batch only when it may run at once, so that requests that come meanwhile are in it, and
 * drops those that are not to run any more.
 */
export class OnlineConsumer {
  readonly #ring: Ring;
  readonly #side: ConsumerSide;
  readonly #page: RequestPage;
  readonly #gate: Gate;
  readonly #clock: StateClock;
  readonly #runner: BatchRunner;
  readonly #onRejected: (rows: readonly RejectedRow[]) => void;
  readonly #warmSizes: readonly number[];
  readonly #speed: OnlineAttachment['speed'];
  /** The fastest run, as a part of what was measured before the first. */
  #fastest = 1;
  #lastEnd = now();

  constructor(
    session: Session,
    model: string,
    attachment: OnlineAttachment,
    onRejected: (rows: readonly RejectedRow[]) => void,
  ) {
    const { ring, requests, gate, clocks, clock, owner, preferredSizes, warmSizes, speed } = attachment;
    this.#ring = new Ring(ring, owner);
    this.#side = new ConsumerSide(this.#ring, 1);
    this.#page = new RequestPage(requests);
    this.#gate = new Gate(gate);
    this.#clock = new StateClock(clocks, clock);
    this.#warmSizes = warmSizes;
    this.#speed = speed;
    this.#onRejected = onRejected;
    const options = { model, preferredSizes, mostRejections: Number.POSITIVE_INFINITY };
    this.#runner = new BatchRunner(session, this.#ring, this.#clock, options);
  }

  get warnings(): readonly string[] {
    return this.#runner.warnings;
  }

  warmUp(): Promise<void> {
    return this.#runner.warmUp(this.#warmSizes);
  }

  async consume(): Promise<void> {
    for (let slot = this.#next(); slot >= 0; slot = this.#next()) await this.#runSlot(slot);
    this.#gate.leave();
    this.#clock.switch(ConsumerState.idle);
  }

  /** Waits for something to run and for the device, and takes it; −1 when nothing will come any more. */
  #next(): number {
    const ring = this.#ring;
    const isStopped = (): boolean => ring.status === RingStatus.ABORTED;
    const rankOf = (slot: number): number => this.#page.priority(slot);
    for (;;) {
      const ticket = ring.ready.ticket();
      if (isStopped()) return -1;
      const delay = this.#side.workIn();
      if (delay === 0) {
        if (!this.#gate.enter(isStopped, this.#waitingSince())) return -1;
        const slot = this.#side.takeNow(rankOf);
        if (slot >= 0) {
          if (this.#page.isCrowded) ring.done.signal();
          return slot;
        }
      }
      this.#gate.leave();
      if (delay === 0) continue;
      if (this.#side.nothingWillCome) return -1;
      this.#clock.switch(ConsumerState.starved);
      ring.ready.wait(ticket, delay);
    }
  }

  async #runSlot(slot: number): Promise<void> {
    const began = now();
    const claimed = this.#ring.slotWord(slot, SlotWord.CLAIMED);
    const isForgotten = began - this.#lastEnd > FORGET_MICROS;
    const by = isForgotten ? began : began + this.#fastest * this.#measured(claimed);
    const rows = dropEnded(this.#ring, this.#page, slot, by);
    if (rows === 0) {
      this.#page.ran(slot, 0, 0);
      this.#finish(slot);
      return;
    }
    // From now on it counts as running.
    this.#page.ran(slot, began, 0);
    const rejections = await this.#runner.run(slot);
    const ended = now();
    this.#clock.switch(ConsumerState.idle);
    this.#fastest = Math.min(this.#fastest, (ended - began) / this.#measured(rows));
    this.#lastEnd = ended;
    this.#page.ran(slot, began, ended);
    if (rejections.length > 0) this.#onRejected(rejectRows(this.#side, slot, rejections));
    this.#finish(slot);
    this.#gate.giveBack(this.#side.workIn() === 0);
  }

  /** Whoever asked waits for it: it is told of at once. */
  #finish(slot: number): void {
    this.#side.finish(slot);
    this.#side.handOver();
  }

  /** How long so many rows run, by what was measured before the first. */
  #measured(rows: number): number {
    const { size, oneMicros, fullMicros } = this.#speed;
    if (size === 1) return Math.max(1, fullMicros);
    return Math.max(1, oneMicros + ((fullMicros - oneMicros) * (rows - 1)) / (size - 1));
  }

  /** When the first of the rows that wait came, where they wait for company. */
  #waitingSince(): number {
    const ring = this.#ring;
    let since = Number.POSITIVE_INFINITY;
    if (ring.config.maxDelayMicros === 0) return since;
    for (let slot = 0; slot < ring.config.slots; slot++) {
      const state = ring.state(slot);
      if (state === SlotState.FILLING || state === SlotState.READY)
        since = Math.min(since, ring.openedAt(slot));
    }
    return since;
  }
}
