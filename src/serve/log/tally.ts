/** Counts by name, and by another. */
export type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>;

/**
 * Sums up what may come in thousands a second: the first of them starts a stretch of time, at the end of which all of them
 * are told of at once. Whoever opens it closes it.
 */
export class Tally {
  readonly #everyMs: number;
  readonly #tell: (counts: Counts, total: number) => void;
  #counts = new Map<string, Map<string, number>>();
  #total = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(everyMs: number, tell: (counts: Counts, total: number) => void) {
    this.#everyMs = everyMs;
    this.#tell = tell;
  }

  add(name: string, kind: string): void {
    const kinds = this.#counts.get(name) ?? new Map<string, number>();
    this.#counts.set(name, kinds);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    this.#total++;
    this.#timer ??= setTimeout(() => this.flush(), this.#everyMs).unref();
  }

  /** Tells at once of what there is. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#total === 0) return;
    const counts = Object.fromEntries(
      [...this.#counts].map(([name, kinds]) => [name, Object.fromEntries(kinds)]),
    );
    const total = this.#total;
    this.#counts = new Map();
    this.#total = 0;
    this.#tell(counts, total);
  }
}
