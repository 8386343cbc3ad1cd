import { now } from '../clock/now.js';
import type { RejectedRow } from '../consume/types.js';
import { ControlSide } from '../ring/control-side.js';
import { RingStatus, RunStatus, RunWord, SlotWord } from '../ring/protocol.js';
import {
  createRequestPage,
  RequestPage,
  type RequestPageMemory,
  RequestState,
} from '../ring/request-page.js';
import { RequestSide } from '../ring/request-side.js';
import { createRingMemory, MAIN_OWNER, type PageGrid, Ring } from '../ring/ring.js';
import { SinkSide } from '../ring/sink-side.js';
import type { TypedArray } from '../util/dtype.js';
import { messageOf } from '../util/errors.js';
import { Door } from './door.js';
import type { EndpointState } from './endpoint-state.js';
import { Places } from './places.js';
import type { ModelPlan } from './plan-model.js';
import { type PendingRequest, slotViews } from './request.js';
import { type Newcomer, RequestQueue } from './request-queue.js';
import { SlotsAhead } from './slots-ahead.js';

/** Tells the devices what the model has that is to run first. */
export type TellUrgency = (priority: number, deadline: number) => void;

/** A turn of the event loop that takes longer is not waited for. */
const LONG_TURN_MICROS = 2000;

/** A run that was claimed and is being written. */
interface Placing {
  readonly request: PendingRequest;
  readonly row: number;
  readonly first: number;
  readonly count: number;
}

/**
 * Takes the requests of one model from the queue into slots, and their outputs back, on the main thread: its event loop
 * pays for each row once on the way in and once on the way out.
 */
export class Dispatcher {
  readonly ring: Ring;
  readonly queue: RequestQueue<PendingRequest>;
  readonly door: Door;
  readonly requests: RequestPageMemory;
  readonly #page: RequestPage;
  readonly #slots: SlotsAhead;
  readonly #side: RequestSide;
  readonly #sink: SinkSide;
  readonly #plan: ModelPlan;
  readonly #consumers: number;
  readonly #inputs: readonly (readonly TypedArray[])[];
  readonly #outputs: readonly (readonly TypedArray[])[];
  readonly #endpoints: readonly EndpointState[];
  readonly #rowsBy: Int32Array;
  readonly #tellUrgency: TellUrgency;
  readonly #places: Places;
  #isScheduled = false;
  /** When it was scheduled, or filled, last. */
  #scheduledAt = 0;
  /** All that are not answered yet. */
  readonly pending = new Set<PendingRequest>();
  #onEmpty: (() => void)[] = [];
  /** Resolves with a fault of ours, after which nothing here can be relied on; never, as long as there is none. */
  readonly broken: Promise<Error>;
  #break: (error: Error) => void = () => {};

  /**
   * @param consumers sessions that take from the ring
   * @param pages where the ring is to be pinned
   */
  constructor(
    plan: ModelPlan,
    consumers: number,
    limits: { readonly maxDelayMs: number; readonly maxRows: number },
    endpoints: readonly EndpointState[],
    tellUrgency: TellUrgency,
    pages?: PageGrid,
  ) {
    const { layout, slots, size } = plan;
    const config = {
      slots,
      lanes: 1,
      splits: 0,
      maxDelayMicros: limits.maxDelayMs * 1000,
      fixedOrder: false,
    };
    // A row in a slot each, or one that waits behind others of its request, or one that waits for the reason why it is rejected.
    const places = 2 * slots * size + limits.maxRows;
    this.ring = new Ring(createRingMemory(layout, config, config, pages), MAIN_OWNER);
    this.requests = createRequestPage(places, slots);
    this.#page = new RequestPage(this.requests);
    this.#slots = new SlotsAhead(this.ring, this.#page);
    this.#side = new RequestSide(this.ring);
    this.#sink = new SinkSide(this.ring);
    this.#plan = plan;
    this.#consumers = consumers;
    this.#endpoints = endpoints;
    this.#rowsBy = new Int32Array(endpoints.length);
    this.#tellUrgency = tellUrgency;
    this.#inputs = slotViews(this.ring, 'inputs');
    this.#outputs = slotViews(this.ring, 'outputs');
    this.#places = new Places(this.#page);
    this.queue = new RequestQueue(size);
    this.broken = new Promise((resolve) => {
      this.#break = resolve;
    });
    this.door = new Door({ ...plan, instances: consumers }, now());
  }

  /** A request comes in. It goes into a slot with all others that come in the same turn of the event loop. */
  add(request: PendingRequest): void {
    this.pending.add(request);
    this.queue.add(request);
    // With very many clients the event loop may not come to what is due at the end of its turn for long: see Arrivals.
    if (this.#isScheduled && now() - this.#scheduledAt > LONG_TURN_MICROS) this.#fillNow();
    else this.#schedule();
  }

  /** Microseconds that a request would wait for its answer, from now on. */
  waitMicros(newcomer: Newcomer): number {
    const ahead = this.#slots.ahead();
    const rows = this.queue.rowsBefore(newcomer) + ahead.rows;
    return this.door.waitMicros(now(), newcomer.waitingRows, { ...ahead, rows });
  }

  /** Takes outputs back for as long as the ring is there. */
  async drain(): Promise<void> {
    try {
      await this.#drain();
    } catch (error) {
      this.#isBroken(error);
    }
  }

  async #drain(): Promise<void> {
    const { ring } = this;
    for (;;) {
      const ticket = ring.done.ticket();
      const at = now();
      let isBack = false;
      for (let slot = this.#sink.take(); slot >= 0; slot = this.#sink.take()) {
        this.#takeBack(slot);
        isBack = true;
      }
      if (ring.status === RingStatus.ABORTED) return;
      if (isBack || this.queue.rows > 0) this.#fill();
      // Answers are written by promises that are kept now: a tick comes after those.
      if (isBack) process.nextTick(() => this.door.answered(now() - at));
      await ring.done.waitAsync(ticket);
    }
  }

  /** Its client is gone: nothing of it runs that does not run already. */
  readonly cancel = (request: PendingRequest): void => {
    if (request.isOver) return;
    if (request.place >= 0) this.#page.end(request.place);
    this.#leaveQueue(request);
    request.refuse('gone', 'the client is gone');
    this.#over(request);
  };

  /** Its deadline has passed. What runs already, or is about to, is let run. */
  expire(request: PendingRequest): void {
    const { place } = request;
    if (request.isOver) return;
    if (place >= 0 && !this.#page.endWaiting(place)) {
      if (request.waitingRows === 0 && this.#page.state(place) === RequestState.TAKEN) return;
      this.#page.end(place);
    }
    this.#leaveQueue(request);
    this.#expired(request);
  }

  /** A row of a request is one that the model rejects. Told before its batch is done, and heard perhaps after. */
  rejected(rows: readonly RejectedRow[]): void {
    for (const row of rows) {
      const request = this.#places.get(row.split);
      if (request === undefined) continue;
      request.rejected(row);
      if (request.isComplete && !request.isOver) this.#answer(request, now());
      this.#places.leave(request);
    }
  }

  /** Nothing of all this runs any more. */
  stop(refuse: (request: PendingRequest) => void): void {
    new ControlSide(this.ring).abort();
    for (const request of [...this.pending]) {
      refuse(request);
      this.pending.delete(request);
    }
    this.#tellEmpty();
  }

  /** Resolves when all requests are answered. */
  empty(): Promise<void> {
    if (this.pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  /** When the first of rows that wait for company came; Infinity where none do. */
  get waitingSince(): number {
    return this.#slots.waitingSince();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#scheduledAt = now();
    setImmediate(() => {
      this.#isScheduled = false;
      this.#fillNow();
    });
  }

  #fillNow(): void {
    this.#scheduledAt = now();
    try {
      this.#fill();
    } catch (error) {
      this.#isBroken(error);
    }
  }

  #isBroken(error: unknown): void {
    if (this.ring.mutex.owner === MAIN_OWNER) this.ring.unlock();
    this.#break(error instanceof Error ? error : new Error(messageOf(error)));
  }

  #fill(): void {
    if (this.ring.status === RingStatus.ABORTED) return;
    // Before the look for room: a consumer that makes some meanwhile tells.
    if (this.queue.rows > 0) this.#page.isCrowded = true;
    while (this.queue.rows > 0 && this.#fillSlot());
    if (this.queue.rows === 0) this.#page.isCrowded = false;
  }

  /** Puts as much into one slot as there is, or has room; whether there was any room. */
  #fillSlot(): boolean {
    const { queue } = this;
    const side = this.#side;
    const placing: Placing[] = [];
    let rows = 0;
    side.lock();
    let slot = side.openSlot;
    const isNew = slot < 0;
    if (isNew) {
      // What waits in slots is hardly overtaken any more: no more than is needed to keep all sessions at work, until our turn
      // comes again.
      slot = side.waiting <= this.#consumers ? side.open() : -1;
      if (slot < 0) {
        side.unlock();
        return false;
      }
      this.#page.clear(slot);
    }
    for (let room = side.room(slot); room > 0; ) {
      const request = queue.next();
      if (request === undefined) break;
      const count = Math.min(room, request.waitingRows);
      const row = request.placed;
      if (request.place < 0) this.#places.enter(request);
      const first = side.claim(slot, request.place, row, count);
      request.inSlots += count;
      queue.took(request, count, count === request.waitingRows);
      request.placed += count;
      placing.push({ request, row, first, count });
      room -= count;
      rows += count;
      this.#page.enter(slot, request.priority, request.deadline);
    }
    const { priority, deadline } = this.#slots.urgency();
    this.#tellUrgency(priority, deadline);
    side.unlock();
    // It wakes while we write.
    if (isNew) side.tell();
    const inputs = this.#inputs[slot] as readonly TypedArray[];
    const regions = this.#plan.layout.inputs;
    for (const { request, row, first, count } of placing) request.write(inputs, regions, row, first, count);
    side.commit(slot, placing.length, rows);
    return true;
  }

  #takeBack(slot: number): void {
    const { ring } = this;
    const { words, map } = ring;
    const at = now();
    const began = this.#page.began(slot);
    const ended = this.#page.ended(slot);
    const batchRows = ring.slotWord(slot, SlotWord.CLAIMED);
    const outputs = this.#outputs[slot] as readonly TypedArray[];
    const rowsBy = this.#rowsBy.fill(0);
    if (batchRows > 0) {
      const { maxDelayMicros } = ring.config;
      const isFull = batchRows === this.#plan.size;
      const readyAt = isFull ? ring.committedAt(slot) : ring.openedAt(slot) + maxDelayMicros;
      this.door.ran(batchRows, readyAt, began, ended, at);
    }
    for (let i = 0; i < ring.slotWord(slot, SlotWord.RUNS); i++) {
      const record = map.run(slot, i);
      const status = words[record + RunWord.STATUS];
      const place = words[record + RunWord.SPLIT] as number;
      const row = words[record + RunWord.ROW] as number;
      const first = words[record + RunWord.FIRST] as number;
      const count = words[record + RunWord.COUNT] as number;
      const request = this.#places.get(place) as PendingRequest;
      if (status !== RunStatus.VOID) rowsBy[request.endpoint] = (rowsBy[request.endpoint] as number) + count;
      this.#runIsBack(
        request,
        status as RunStatus,
        { row, first, count },
        outputs,
        began,
        ended,
        batchRows,
        at,
      );
    }
    for (let i = 0; i < rowsBy.length; i++) {
      const rows = rowsBy[i] as number;
      if (rows > 0) this.#endpoints[i]?.ran(rows, (this.#plan.size * rows) / batchRows);
    }
    this.#sink.release(slot);
  }

  #runIsBack(
    request: PendingRequest,
    status: RunStatus,
    run: { readonly row: number; readonly first: number; readonly count: number },
    outputs: readonly TypedArray[],
    began: number,
    ended: number,
    batchRows: number,
    at: number,
  ): void {
    // By rows: a run is cut where the model rejects some of them.
    request.inSlots -= run.count;
    if (status === RunStatus.REJECTED) request.rejectedRows += run.count;
    if (status === RunStatus.VOID) {
      // The consumer has seen that it can't be in time any more.
      this.#leaveQueue(request);
      this.#expired(request);
    } else if (!request.isOver) {
      request.back(outputs, { ...run, isRejected: status === RunStatus.REJECTED }, began, ended, batchRows);
      if (request.isComplete) this.#answer(request, at);
    }
    this.#places.leave(request);
  }

  #answer(request: PendingRequest, at: number): void {
    request.answer(at);
    this.#over(request);
  }

  #expired(request: PendingRequest): void {
    if (request.isOver) return;
    const millis = Math.round((request.deadline - request.arrivedAt) / 100) / 10;
    request.refuse('expired', `its deadline of ${millis} ms passed before it could run`);
    this.#over(request);
  }

  #over(request: PendingRequest): void {
    this.pending.delete(request);
    this.#places.leave(request);
    if (this.pending.size === 0) this.#tellEmpty();
  }

  /** Of what is about to be over. */
  #leaveQueue(request: PendingRequest): void {
    if (!request.isOver && request.waitingRows > 0) this.queue.remove(request);
  }

  #tellEmpty(): void {
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }
}
