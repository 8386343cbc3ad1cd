import { compact, type Tick } from '../axis.js';

/** A logarithmic axis of milliseconds, whole powers of ten around some values. */
export class LogScale {
  readonly #bottom: number;
  readonly #decades: number;

  constructor(values: readonly number[]) {
    const positive = values.filter((value) => value > 0);
    this.#bottom = Math.floor(Math.log10(Math.min(...positive, 1e9)));
    const top = Math.ceil(Math.log10(Math.max(...positive, 1e-3)));
    this.#decades = Math.max(1, top - this.#bottom);
    if (positive.length === 0) {
      this.#bottom = 0;
      this.#decades = 1;
    }
  }

  /** As a share of the height; what is below is on the ground. */
  heightOf(ms: number): number {
    if (!(ms > 0)) return 0;
    return Math.max(0, Math.min(1, (Math.log10(ms) - this.#bottom) / this.#decades));
  }

  get ticks(): Tick[] {
    return Array.from({ length: this.#decades + 1 }, (_, i) => {
      const ms = 10 ** (this.#bottom + i);
      return { at: i / this.#decades, text: ms < 1000 ? `${compact(ms)} ms` : `${compact(ms / 1000)} s` };
    });
  }
}

/** `3.04 ms`, `123 ms`, `1.23 s`. */
export function latencyText(ms: number): string {
  if (ms < 9.995) return `${ms.toFixed(2)} ms`;
  return ms < 999.5 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
