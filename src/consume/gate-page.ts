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
export const CAPACITY = 2;
export const GRANTED = 3;
const HEAD_WORDS = 16;
const MEMBER_WORDS = 16;
const STATE = 0;
export const EVENT = 1;
export const CLAIMANT = 2;

export const CHANGED_AT = 0;
export const BUSY = 1;
export const BATCHING = 2;
const HEAD_VALUES = 4;
const MEMBER_VALUES = 2;
const GRANTED_AT = 0;
const WAITING_SINCE = 1;

export const MemberState = { IDLE: 0, WAITING: 1, GRANTED: 2 } as const;

export const MAIN_OWNER = 1;
export const memberOwner = (member: number): number => 2 + member;

/**
 * How much service a claimant may be owed before it comes first, whatever its class, microseconds: long enough for a burst
 * of what is more urgent, short enough that nothing that waits is taken for stuck.
 */
const OWED_BOUND_MICROS = 1_000_000;

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

/** A thread's view of the page, and what any of them may do under its lock. */
export class GatePage {
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
