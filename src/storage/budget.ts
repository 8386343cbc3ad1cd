interface Waiter {
  readonly amount: number;
  readonly enter: () => void;
}

/** A bound on what is under way at the same time. Whoever does not fit waits in line, first come, first served. */
export class Budget {
  readonly #total: number;
  #free: number;
  readonly #line: Waiter[] = [];

  constructor(total: number) {
    this.#total = total;
    this.#free = total;
  }

  /** Does `work` once `amount` is free for it; more than there is counts as all of it. */
  async run<T>(amount: number, work: () => Promise<T>): Promise<T> {
    const taken = Math.min(amount, this.#total);
    await this.#enter(taken);
    try {
      return await work();
    } finally {
      this.#free += taken;
      this.#admit();
    }
  }

  #enter(amount: number): Promise<void> {
    return new Promise((enter) => {
      this.#line.push({ amount, enter });
      this.#admit();
    });
  }

  #admit(): void {
    for (let next = this.#line[0]; next !== undefined && next.amount <= this.#free; next = this.#line[0]) {
      this.#free -= next.amount;
      this.#line.shift();
      next.enter();
    }
  }
}
