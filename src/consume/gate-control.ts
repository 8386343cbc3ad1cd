import { Share } from './fair-share.js';
import {
  BATCHING,
  BUSY,
  CAPACITY,
  CHANGED_AT,
  CLAIMANT,
  createGateMemory,
  type GateMemory,
  GatePage,
  type GatePlace,
  GRANTED,
  MAIN_OWNER,
  MemberState,
  memberOwner,
} from './gate-page.js';

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

  /**
   * A model or a job that is about to come.
   *
   * @param yields others wait for one turn of it at most, whatever it is owed
   */
  async addClaimant(priority: number, weight: number, yields = false): Promise<number> {
    const claimant = this.#freeClaimants.pop() ?? this.#claimants++;
    await this.#locked(() => this.#page.shares.add(claimant, priority, weight, yields));
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
