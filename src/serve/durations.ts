import { HISTOGRAM_WORDS, Histogram } from '../clock/histogram.js';
import type { Quantiles } from './types.js';

/** How long things took: written by one thread, read at any time. */
export class Durations implements Quantiles {
  readonly #histogram = new Histogram(new Int32Array(HISTOGRAM_WORDS));
  #count = 0;
  #sum = 0;

  /** Microseconds. */
  record(micros: number): void {
    this.#histogram.record(micros);
    this.#count++;
    this.#sum += micros;
  }

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  quantile(q: number): number {
    return this.#histogram.quantile(q);
  }

  cumulative(): Iterable<readonly [bound: number, count: number]> {
    return this.#histogram.cumulative();
  }
}
