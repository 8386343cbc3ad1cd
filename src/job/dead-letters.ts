import { type BadRowRules, type SplitLetters, tooManyBadRows } from '../produce/bad-rows.js';
import { writeDeadLetters } from '../sink/dead-letters.js';
import { DEAD_LETTERS } from '../sink/output-files.js';
import type { Part } from '../sink/types.js';
import type { OutputStore } from '../storage/output-types.js';
import type { DataError } from '../util/errors.js';

/** Counts a job's bad rows over all its splits, those of earlier runs included. The sink writes them, with their parts. */
export class DeadLetters {
  /** Undefined where the first bad row is an error. */
  readonly rules: BadRowRules | undefined;
  readonly #store: OutputStore | undefined;
  /** Splits whose letters are not written: their parts are still to come. */
  readonly #pending = new Map<number, SplitLetters>();
  #count: number;
  #tooMany = false;

  constructor(maxRows: number, resumed: readonly Part[], store: OutputStore | undefined) {
    this.#count = resumed.reduce((sum, { deadLettered = 0 }) => sum + deadLettered, 0);
    this.#store = store;
    const folder = store && `${store.uri.replace(/\/+$/, '')}/${DEAD_LETTERS}`;
    this.rules = maxRows === 0 ? undefined : { maxRows, left: Math.max(0, maxRows - this.#count), folder };
  }

  /** Bad rows of all that is written and will be. */
  get count(): number {
    return this.#count;
  }

  /** Some of a split's; returns the error where that makes more than may be. */
  add(split: SplitLetters): DataError | undefined {
    const { rules } = this;
    if (rules === undefined || split.letters.length === 0) return undefined;
    const { ordinal } = split;
    const letters = [...(this.#pending.get(ordinal)?.letters ?? []), ...split.letters];
    this.#pending.set(ordinal, { ordinal, letters });
    const before = this.#count;
    this.#count += split.letters.length;
    if (this.#count <= rules.maxRows) return undefined;
    this.#tooMany = true;
    return tooManyBadRows(split.letters[Math.max(0, rules.maxRows - before)], rules);
  }

  committed({ ordinal }: Part): void {
    this.#pending.delete(ordinal);
  }

  /** Where there were too many: what the sink has not written is written, as far as it can be, so that all can be looked at. */
  async leave(): Promise<void> {
    if (!this.#tooMany || this.#store === undefined) return;
    for (const letters of this.#pending.values()) {
      // What the run fails with is worth more than why not all of them are there.
      await writeDeadLetters(this.#store, letters).catch(() => {});
    }
  }
}
