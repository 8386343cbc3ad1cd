import { now } from '../clock/now.js';
import { Mutex } from '../util/mutex.js';
import { FairShares, Share } from './fair-share.js';

/*
 * The gate of a device: all consumers that run on it, of several models and jobs, take their turns here. A consumer that
 * has something to run enters, is granted the device, runs, and gives it back, which grants the best of those that wait
 * (`fair-share.ts`). As many grants at a time as the device has instances.
 *
 * A page in shared memory; all but the events is written under its lock.
 *
 *   word 0   lock, of Mutex              value 0   the last change between no grant and some
 *   word 1   sleepers, of Mutex          value 1   microseconds with at least one grant
 *   word 2   grants at a time            value 2   microseconds without, while rows waited for company
 *   word 3   grants now
 *   then members, a consumer each        then members' values
 *     word 0   MemberState                 value 0   when it was granted
 *     word 1   event: its state changed    value 1   since when rows of it have waited for company
 *     word 2   its claimant              then claimants: see `Share`
 *
 * Members' states are the truth; grants now, and how many of a claimant wait, are sums over them, so that a lock whose
 * owner died is recovered by adding up again.
 */
const CAPACITY = 2;
const GRANTED = 3;
const HEAD_WORDS = 16;
const MEMBER_WORDS = 16;
const STATE = 0;
const EVENT = 1;
const CLAIMANT = 2;

const CHANGED_AT = 0;
const BUSY = 1;
const BATCHING = 2;
const HEAD_VALUES = 4;
const MEMBER_VALUES = 2;
const GRANTED_AT = 0;
const WAITING_SINCE = 1;

const MemberState = { IDLE: 0, WAITING: 1, GRANTED: 2 } as const;

const MAIN_OWNER = 1;
const memberOwner = (member: number): number => 2 + member;

/**
 * How much service a claimant may be owed before it comes first, whatever its class, microseconds: long enough for a burst
 * of what is more urgent, short enough that nothing that waits is taken for stuck.
 */
export const OWED_BOUND_MICROS = 1_000_000;

/** Shared memory of a gate; clonable between threads. */
export interface GateMemory {
  readonly words: SharedArrayBuffer;
  readonly values: SharedArrayBuffer;
  readonly members: number;
}

/** A consumer's place at a gate; clonable. */
export interface GatePlace {
  readonly gate: GateMemory;
  readonly member: number;
  readonly claimant: number;
}

export function createGateMemory(members: number, claimants: number): GateMemory {
  const values = HEAD_VALUES + members * MEMBER_VALUES + claimants * Share.numbers;
  const memory = {
    words: new SharedArrayBuffer((HEAD_WORDS + members * MEMBER_WORDS) * 4),
    values: new SharedArrayBuffer(values * 8),
    members,
  };
  new Int32Array(memory.words)[CAPACITY] = 1;
  new Float64Array(memory.values)[CHANGED_AT] = now();
  return memory;
}

class GatePage {
  readonly words: Int32Array;
  readonly values: Float64Array;
  readonly shares: FairShares;
  readonly mutex: Mutex;
  readonly members: number;

  constructor({ words, values, members }: GateMemory) {
    this.words = new Int32Array(words);
    this.values = new Float64Array(values);
    const claimants = (HEAD_VALUES + members * MEMBER_VALUES) * 8;
    this.shares = new FairShares(new Float64Array(values, claimants), OWED_BOUND_MICROS);
    this.mutex = new Mutex(this.words, 0, 1);
    this.members = members;
  }

  word(member: number, word: number): number {
    return HEAD_WORDS + member * MEMBER_WORDS + word;
  }

  state(member: number): number {
    return Atomics.load(this.words, this.word(member, STATE));
  }

  setState(member: number, state: number): void {
    Atomics.store(this.words, this.word(member, STATE), state);
  }

  value(member: number, value: number): number {
    return HEAD_VALUES + member * MEMBER_VALUES + value;
  }

  claimantOf(member: number): number {
    return this.words[this.word(member, CLAIMANT)] as number;
  }

  tell(member: number): void {
    const event = this.word(member, EVENT);
    Atomics.add(this.words, event, 1);
    Atomics.notify(this.words, event);
  }

  /** L: IDLE → WAITING. `since`: when rows of it began to wait for company; by default they did not. */
  enter(member: number, since: number): void {
    this.values[this.value(member, WAITING_SINCE)] = since;
    this.setState(member, MemberState.WAITING);
    this.shares.enter(this.claimantOf(member));
  }

  /** L: WAITING → IDLE */
  leave(member: number): void {
    this.setState(member, MemberState.IDLE);
    this.shares.leave(this.claimantOf(member));
  }

  /** L: WAITING → GRANTED for the best of those that wait, as long as there is room. Returns whether `me` is one of them. */
  grant(at: number, me: number): boolean {
    const { words, values } = this;
    let isMe = false;
    while ((words[GRANTED] as number) < (words[CAPACITY] as number)) {
      const claimant = this.shares.best();
      const member = claimant < 0 ? -1 : this.#firstOf(claimant);
      if (member < 0) break;
      if (words[GRANTED] === 0) {
        const idleSince = values[CHANGED_AT] as number;
        const since = values[this.value(member, WAITING_SINCE)] as number;
        add(values, BATCHING, Math.max(0, at - Math.max(idleSince, since)));
        values[CHANGED_AT] = at;
      }
      words[GRANTED] = (words[GRANTED] as number) + 1;
      values[this.value(member, GRANTED_AT)] = at;
      this.shares.leave(claimant);
      this.setState(member, MemberState.GRANTED);
      if (member === me) isMe = true;
      else this.tell(member);
    }
    return isMe;
  }

  /** L: GRANTED → IDLE */
  giveBack(member: number, at: number): void {
    const { words, values } = this;
    this.setState(member, MemberState.IDLE);
    this.shares.charge(this.claimantOf(member), at - (values[this.value(member, GRANTED_AT)] as number));
    words[GRANTED] = (words[GRANTED] as number) - 1;
    if (words[GRANTED] !== 0) return;
    add(values, BUSY, at - (values[CHANGED_AT] as number));
    values[CHANGED_AT] = at;
  }

  /** A moment that is not before the last one that was booked. */
  moment(): number {
    return Math.max(now(), this.values[CHANGED_AT] as number);
  }

  #firstOf(claimant: number): number {
    for (let member = 0; member < this.members; member++) {
      if (this.state(member) === MemberState.WAITING && this.claimantOf(member) === claimant) return member;
    }
    return -1;
  }
}

function add(values: Float64Array, index: number, amount: number): void {
  values[index] = (values[index] as number) + amount;
}

/** A consumer's side of the gate. */
export class Gate {
  readonly #page: GatePage;
  readonly #member: number;

  constructor({ gate, member }: GatePlace) {
    this.#page = new GatePage(gate);
    this.#member = member;
  }

  /**
   * Waits for the device. False where `isStopped` before it was granted: whoever stops it wakes it (`GateControl.wake`).
   *
   * @param since when rows began to wait for company, which the device may have been idle for
   */
  enter(isStopped: () => boolean, since = Number.POSITIVE_INFINITY): boolean {
    const page = this.#page;
    const member = this.#member;
    const owner = memberOwner(member);
    if (page.state(member) === MemberState.IDLE) {
      page.mutex.lock(owner);
      page.enter(member, since);
      page.grant(page.moment(), member);
      page.mutex.unlock();
    }
    const event = page.word(member, EVENT);
    for (;;) {
      const ticket = Atomics.load(page.words, event);
      if (page.state(member) === MemberState.GRANTED) return true;
      if (isStopped()) {
        this.leave();
        return false;
      }
      Atomics.wait(page.words, event, ticket);
    }
  }

  /**
   * Gives the device back. `more`: there is something more to run, so it waits again, among the others: in the same step,
   * else it would never be among those who come next. Whoever finds then that there is nothing after all calls `leave`.
   */
  giveBack(more: boolean): void {
    const page = this.#page;
    const member = this.#member;
    page.mutex.lock(memberOwner(member));
    const at = page.moment();
    if (page.state(member) === MemberState.GRANTED) page.giveBack(member, at);
    if (more) page.enter(member, Number.POSITIVE_INFINITY);
    page.grant(at, member);
    page.mutex.unlock();
  }

  /** Neither waits nor holds the device any more. */
  leave(): void {
    const page = this.#page;
    const member = this.#member;
    // Only the others may make it GRANTED meanwhile, and only where it waits.
    if (page.state(member) === MemberState.IDLE) return;
    page.mutex.lock(memberOwner(member));
    const at = page.moment();
    if (page.state(member) === MemberState.WAITING) page.leave(member);
    else if (page.state(member) === MemberState.GRANTED) page.giveBack(member, at);
    page.grant(at, member);
    page.mutex.unlock();
  }
}

/** Microseconds since the gate was made; they add up to the time that went by. */
export interface GateTimes {
  readonly busy: number;
  readonly batching: number;
  readonly idle: number;
}

/** The main thread's side: who comes to the gate, who is dead, what it has counted. */
export class GateControl {
  readonly memory: GateMemory;
  readonly #page: GatePage;
  /** Microseconds of `now()`. */
  readonly madeAt: number;
  #members = 0;
  readonly #freeMembers: number[] = [];
  #claimants = 0;
  readonly #freeClaimants: number[] = [];

  constructor(members: number, claimants: number) {
    this.memory = createGateMemory(members, claimants);
    this.#page = new GatePage(this.memory);
    this.madeAt = this.#page.values[CHANGED_AT] as number;
  }

  /** So many at a time, if that is more than before. */
  allow(instances: number): void {
    const { words } = this.#page;
    words[CAPACITY] = Math.max(words[CAPACITY] as number, instances);
  }

  /** A model or a job that is about to come. */
  async addClaimant(priority: number, weight: number): Promise<number> {
    const claimant = this.#freeClaimants.pop() ?? this.#claimants++;
    await this.#locked(() => this.#page.shares.add(claimant, priority, weight));
    return claimant;
  }

  async removeClaimant(claimant: number): Promise<void> {
    await this.#locked(() => this.#page.shares.remove(claimant));
    this.#freeClaimants.push(claimant);
  }

  /** A place for one of its consumers. */
  place(claimant: number): GatePlace {
    const member = this.#freeMembers.pop() ?? this.#members++;
    if (member >= this.memory.members)
      throw new RangeError(`more than ${this.memory.members} consumers at a gate`);
    this.#page.words[this.#page.word(member, CLAIMANT)] = claimant;
    return { gate: this.memory, member, claimant };
  }

  /** What a claimant has that is to run first: whoever gives the device back looks at it. */
  setUrgency(claimant: number, priority: number, deadline: number): void {
    const { shares } = this.#page;
    shares.set(claimant, Share.PRIORITY, priority);
    shares.set(claimant, Share.DEADLINE, deadline);
  }

  /** Those that wait look whether they were stopped. */
  wake(places: readonly GatePlace[]): void {
    for (const { member } of places) this.#page.tell(member);
  }

  /** The threads of these places are gone, however they went: others need not wait for them. */
  async recover(places: readonly GatePlace[]): Promise<void> {
    const page = this.#page;
    for (const { member } of places) if (page.mutex.owner === memberOwner(member)) page.mutex.unlock();
    await this.#locked(() => {
      const at = page.moment();
      this.#addUpAgain();
      for (const { member } of places) {
        if (page.state(member) === MemberState.GRANTED) page.giveBack(member, at);
        else if (page.state(member) === MemberState.WAITING) page.leave(member);
      }
      page.grant(at, -1);
    });
    for (const { member } of places) this.#freeMembers.push(member);
  }

  /** L, perhaps after an owner that died in the middle. */
  #addUpAgain(): void {
    const { words, shares, members } = this.#page;
    for (let claimant = 0; claimant < this.#claimants; claimant++) shares.set(claimant, Share.WAITING, 0);
    words[GRANTED] = 0;
    for (let member = 0; member < members; member++) {
      const state = this.#page.state(member);
      const claimant = this.#page.claimantOf(member);
      if (state === MemberState.GRANTED) words[GRANTED]++;
      if (state === MemberState.WAITING) {
        shares.set(claimant, Share.WAITING, shares.get(claimant, Share.WAITING) + 1);
      }
    }
  }

  /**
   * @param upTo the moment up to which it counts, microseconds of `now()`
   * @param waitingSince when the oldest rows that wait for company now began to; Infinity where none do
   */
  times(upTo: number, waitingSince = Number.POSITIVE_INFINITY): GateTimes {
    const page = this.#page;
    const isLocked = page.mutex.tryLock(MAIN_OWNER);
    const changedAt = page.values[CHANGED_AT] as number;
    const at = Math.max(upTo, changedAt);
    const isBusy = page.words[GRANTED] !== 0;
    const busy = (page.values[BUSY] as number) + (isBusy ? at - changedAt : 0);
    const waited = isBusy ? 0 : Math.max(0, at - Math.max(changedAt, waitingSince));
    const batching = (page.values[BATCHING] as number) + waited;
    if (isLocked) page.mutex.unlock();
    return { busy, batching, idle: Math.max(0, at - this.madeAt - busy - batching) };
  }

  async #locked(act: () => void): Promise<void> {
    await this.#page.mutex.lockAsync(MAIN_OWNER);
    try {
      act();
    } finally {
      this.#page.mutex.unlock();
    }
  }
}
