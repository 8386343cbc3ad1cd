/**
 * A mutex in shared memory: a word that holds the owner (0: nobody) and a word that counts those who sleep.
 * The owner's number makes the lock of a thread that died recoverable: whoever learns of the death may act in
 * its name and unlock.
 *
 * The main thread may take it too: critical sections are a few hundred nanoseconds of plain writes, far below
 * what an event loop notices.
 */
export class Mutex {
  readonly #words: Int32Array;
  readonly #lock: number;
  readonly #sleepers: number;

  constructor(words: Int32Array, lock: number, sleepers: number) {
    this.#words = words;
    this.#lock = lock;
    this.#sleepers = sleepers;
  }

  /** Takes the lock as `owner`, a positive number that no other live thread uses on this lock. */
  lock(owner: number): void {
    const words = this.#words;
    // A critical section is shorter than a futex call, so most waits end while spinning.
    for (let spin = 0; spin < 64; spin++) {
      if (Atomics.compareExchange(words, this.#lock, 0, owner) === 0) return;
    }
    Atomics.add(words, this.#sleepers, 1);
    for (;;) {
      const holder = Atomics.compareExchange(words, this.#lock, 0, owner);
      if (holder === 0) break;
      Atomics.wait(words, this.#lock, holder);
    }
    Atomics.sub(words, this.#sleepers, 1);
  }

  unlock(): void {
    Atomics.store(this.#words, this.#lock, 0);
    // Sequential consistency of Atomics: either we see the sleeper, or the sleeper sees the lock free.
    if (Atomics.load(this.#words, this.#sleepers) > 0) Atomics.notify(this.#words, this.#lock, 1);
  }

  /** Who holds the lock; 0 for nobody. */
  get owner(): number {
    return Atomics.load(this.#words, this.#lock);
  }
}
