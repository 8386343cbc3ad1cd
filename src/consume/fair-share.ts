/*
 * Who comes next, and who pays for it: weighted fair shares within classes of priority. One policy for the queue in front
 * of a model, which counts rows, and for the gate in front of a device, which counts microseconds; so it works on plain
 * numbers, which may lie in shared memory.
 *
 * Next is the claimant that waits and, in this order,
 *   1. is owed more than the bound: whoever waits is owed its share of all that others get, by weight, and pays off what it
 *      gets itself. So no class starves, and each waits for its share no longer than the bound. One that yields comes first
 *      for this only once in a row: others wait for one turn of it, not for all that it is owed;
 *   2. is of the first class;
 *   3. has been served least, by its weight. Whoever comes back after a while has no more to its credit than those of its
 *      class that stayed: start-time fair queueing, after Goyal, Vin and Cheng, «Start-time Fair Queueing», 1997;
 *   4. has the earliest deadline.
 */

/** Numbers of a claimant. */
export const Share = {
  /** Its class: the smallest is the first. */
  PRIORITY: 0,
  /** 0 for a place that nobody has. */
  WEIGHT: 1,
  /** Service ÷ weight: what start-time fair queueing calls its tag. */
  SERVED: 2,
  /** The same when it was last chosen. */
  STARTED: 3,
  OWED: 4,
  /** The earliest of what it has to run; Infinity for none. */
  DEADLINE: 5,
  /** How many of it wait. */
  WAITING: 6,
  /** All that it got: not divided by its weight. */
  TOTAL: 7,
  /** 1 for one that never comes first twice in a row for what it is owed. */
  YIELDS: 8,
  /** 1 for the one that was chosen last. */
  CHOSEN: 9,
  numbers: 10,
} as const;

export class FairShares {
  readonly #values: Float64Array;
  readonly #count: number;
  readonly #bound: number;

  /** @param bound how much a claimant may be owed before it comes first, whatever its class */
  constructor(values: Float64Array, bound: number) {
    this.#values = values;
    this.#count = Math.floor(values.length / Share.numbers);
    this.#bound = bound;
  }

  get(who: number, what: number): number {
    return this.#values[who * Share.numbers + what] as number;
  }

  set(who: number, what: number, value: number): void {
    this.#values[who * Share.numbers + what] = value;
  }

  /** A claimant in a place that nobody has. */
  add(who: number, priority: number, weight: number, yields = false): void {
    for (let what = 0; what < Share.numbers; what++) this.set(who, what, 0);
    this.set(who, Share.PRIORITY, priority);
    this.set(who, Share.WEIGHT, weight);
    this.set(who, Share.DEADLINE, Number.POSITIVE_INFINITY);
    this.set(who, Share.YIELDS, yields ? 1 : 0);
  }

  /** It is no more. */
  remove(who: number): void {
    this.set(who, Share.WEIGHT, 0);
    this.set(who, Share.WAITING, 0);
  }

  /** One more of it waits. */
  enter(who: number): void {
    const waiting = this.get(who, Share.WAITING);
    if (waiting === 0)
      this.set(who, Share.SERVED, Math.max(this.get(who, Share.SERVED), this.#clockFor(who)));
    this.set(who, Share.WAITING, waiting + 1);
  }

  /** One of it does not wait any more. */
  leave(who: number): void {
    this.set(who, Share.WAITING, Math.max(0, this.get(who, Share.WAITING) - 1));
  }

  /** The claimant that comes next; −1 where nobody waits. */
  best(): number {
    let best = -1;
    for (let who = 0; who < this.#count; who++) {
      if (this.get(who, Share.WAITING) === 0) continue;
      if (best < 0 || this.#precedes(who, best)) best = who;
    }
    if (best < 0) return best;
    this.set(best, Share.STARTED, this.get(best, Share.SERVED));
    for (let who = 0; who < this.#count; who++) this.set(who, Share.CHOSEN, who === best ? 1 : 0);
    return best;
  }

  /** It got so much service. */
  charge(who: number, service: number): void {
    let weights = 0;
    for (let other = 0; other < this.#count; other++) weights += this.get(other, Share.WEIGHT);
    for (let other = 0; other < this.#count; other++) {
      const weight = this.get(other, Share.WEIGHT);
      if (weight === 0 || (other !== who && this.get(other, Share.WAITING) === 0)) continue;
      const paid = other === who ? service : 0;
      const owed = this.get(other, Share.OWED) + (service * weight) / weights - paid;
      this.set(other, Share.OWED, Math.max(0, owed));
    }
    this.set(who, Share.SERVED, this.get(who, Share.SERVED) + service / this.get(who, Share.WEIGHT));
    this.set(who, Share.TOTAL, this.get(who, Share.TOTAL) + service);
  }

  #precedes(a: number, b: number): boolean {
    const [owedA, owedB] = [this.#claim(a), this.#claim(b)];
    if (owedA > this.#bound || owedB > this.#bound) return owedA > owedB;
    for (const what of ORDER) {
      const difference = this.get(a, what) - this.get(b, what);
      if (difference < 0) return true;
      if (difference > 0) return false;
    }
    return false;
  }

  /** What it may come first for. */
  #claim(who: number): number {
    const owed = this.get(who, Share.OWED);
    const yields = this.get(who, Share.YIELDS) === 1 && this.get(who, Share.CHOSEN) === 1;
    return yields ? Math.min(owed, this.#bound) : owed;
  }

  /** What the one of its class that was chosen last, or is furthest, had been served then. */
  #clockFor(who: number): number {
    const priority = this.get(who, Share.PRIORITY);
    let clock = 0;
    for (let other = 0; other < this.#count; other++) {
      if (other === who || this.get(other, Share.WEIGHT) === 0) continue;
      if (this.get(other, Share.PRIORITY) === priority)
        clock = Math.max(clock, this.get(other, Share.STARTED));
    }
    return clock;
  }
}

const ORDER = [Share.PRIORITY, Share.SERVED, Share.DEADLINE] as const;
