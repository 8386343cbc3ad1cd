/**
 * A mutex in shared memory: a word that holds the owner (0: nobody) and a word that counts those who sleep.
 * The owner's number makes the lock of a thread that died recoverable: whoever learns of the death may act in
 * its name and unlock.
 *
 * The main thread takes it with `lockAsync` or `tryLock` where other threads take it too: it is the one who learns of
 * deaths, and asleep in `lock` behind a dead owner it never would. Nor does it await anything while it holds what it takes
 * with `lock` elsewhere, as a producer of its own: it would wait for itself.
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
    if (this.#spin(owner)) return;
    const words = this.#words;
    Atomics.add(words, this.#sleepers, 1);
    for (;;) {
      const holder = Atomics.compareExchange(words, this.#lock, 0, owner);
      if (holder === 0) break;
      Atomics.wait(words, this.#lock, holder);
    }
    Atomics.sub(words, this.#sleepers, 1);
  }

  /** The same for a thread whose event loop must go on. */
  async lockAsync(owner: number): Promise<void> {
    if (this.#spin(owner)) return;
    const words = this.#words;
    Atomics.add(words, this.#sleepers, 1);
    for (;;) {
      const holder = Atomics.compareExchange(words, this.#lock, 0, owner);
      if (holder === 0) break;
      const outcome = Atomics.waitAsync(words, this.#lock, holder);
      if (outcome.async) await outcome.value;
    }
    Atomics.sub(words, this.#sleepers, 1);
  }

  /** Takes the lock if nobody has it; whether it did. */
  tryLock(owner: number): boolean {
    return Atomics.compareExchange(this.#words, this.#lock, 0, owner) === 0;
  }

  /** A critical section is shorter than a futex call, so most waits end while spinning. */
  #spin(owner: number): boolean {
    for (let spin = 0; spin < 64; spin++) {
      if (Atomics.compareExchange(this.#words, this.#lock, 0, owner) === 0) return true;
    }
    return false;
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
