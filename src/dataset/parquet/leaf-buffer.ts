import type { Places } from './hybrid.js';
import type { Sink, Values } from './values.js';

/** Two pieces of memory in turn: what was given out of one stays as it is while the other is filled. */
class Pair {
  #pieces = [new Uint8Array(0), new Uint8Array(0)];
  #which = 0;

  get current(): Uint8Array {
    return this.#pieces[this.#which] as Uint8Array;
  }

  /** Goes on in the other piece, with bytes `from` to `to` of this one in front. */
  turn(from: number, to: number): void {
    const kept = this.current.subarray(from, to);
    this.#which = 1 - this.#which;
    this.reserve(0, kept.length);
    this.current.set(kept);
  }

  /** Makes the current piece at least so long; its first `used` bytes stay. */
  reserve(used: number, length: number): void {
    if (this.current.length >= length) return;
    const grown = new Uint8Array(Math.ceil((length * 1.25) / 64) * 64);
    grown.set(this.current.subarray(0, used));
    this.#pieces[this.#which] = grown;
  }
}

/** Rows of one leaf, cut out of its buffer: valid until the rows after the next ones are taken. */
export interface LeafSlice {
  readonly entries: number;
  /** One an entry; undefined where every one is a value that is there. */
  readonly defs: Uint8Array | undefined;
  /** One an entry; undefined where nothing is repeated. */
  readonly reps: Uint8Array | undefined;
  /** The entries at which rows begin; undefined where each is one. */
  readonly rowStarts: Int32Array | undefined;
  /** The values that are there. */
  readonly values: Values;
}

/** Decoded entries of one leaf that are not taken yet. */
export class LeafBuffer implements Sink {
  readonly #width: number;
  readonly #maxDef: number;
  readonly #maxRep: number;
  readonly #bytes = new Pair();
  readonly #offsets = new Pair();
  readonly #defs = new Pair();
  readonly #reps = new Pair();
  /** Entries and values: taken from the current pieces, and there. */
  #entriesFrom = 0;
  #entriesTo = 0;
  #valuesFrom = 0;
  #valuesTo = 0;
  /** Bytes of values of no fixed width. */
  #textTo = 0;
  /** Entries at which rows begin, from the rows on that are taken. */
  readonly #rowStarts: Places = { at: new Int32Array(64), count: 0 };
  #rowsFrom = 0;
  /** Entries that are there and no values: nulls and empty lists. */
  #absent = 0;
  #taken = false;

  constructor(width: number, maxDef: number, maxRep: number) {
    this.#width = width;
    this.#maxDef = maxDef;
    this.#maxRep = maxRep;
  }

  /** Forgets what is left, for the next column chunk; what was taken stays valid as long as ever. */
  reset(): void {
    this.#entriesFrom = this.#entriesTo;
    this.#valuesFrom = this.#valuesTo;
    this.#rowsFrom = this.#rowStarts.count;
    this.#absent = 0;
    this.#taken = true;
  }

  /** Rows that have begun. */
  get rows(): number {
    return this.#maxRep === 0 ? this.#entriesTo - this.#entriesFrom : this.#rowStarts.count - this.#rowsFrom;
  }

  get byteLength(): number {
    if (this.#width > 0) return (this.#valuesTo - this.#valuesFrom) * this.#width;
    return (
      this.#textTo - (this.#valuesTo > this.#valuesFrom ? (this.#begins()[this.#valuesFrom] as number) : 0)
    );
  }

  /**
   * Room for so many entries' levels. They count once `addedLevels` is called, where `starts` must have been told of the
   * entries at which rows begin; the values that belong to them are to be put into `room` after that.
   */
  levels(entries: number): { defs: Uint8Array; reps: Uint8Array; at: number; starts: Places } {
    this.#turn();
    const end = this.#entriesTo + entries;
    if (this.#maxDef > 0) this.#defs.reserve(this.#entriesTo, end);
    if (this.#maxRep > 0) {
      this.#reps.reserve(this.#entriesTo, end);
      this.#reserveRows(entries);
    }
    const starts = this.#rowStarts;
    return { defs: this.#defs.current, reps: this.#reps.current, at: this.#entriesTo, starts };
  }

  /**
   * @param allThere whether all of them are known to be values that are there
   * @returns how many of the entries are values that are there
   */
  addedLevels(entries: number, allThere: boolean): number {
    const from = this.#entriesTo;
    this.#entriesTo += entries;
    if (this.#maxRep > 0) this.#checkReps(from);
    if (allThere || this.#maxDef === 0) return entries;
    const there = this.#countThere(from, this.#entriesTo);
    this.#absent += entries - there;
    return there;
  }

  /** Every entry may begin a row. */
  #reserveRows(entries: number): void {
    const { at, count } = this.#rowStarts;
    if (at.length >= count + entries) return;
    const grown = new Int32Array(Math.ceil((count + entries) * 1.25));
    grown.set(at.subarray(0, count));
    this.#rowStarts.at = grown;
  }

  #checkReps(from: number): void {
    const reps = this.#reps.current;
    const end = this.#entriesTo;
    // Where the bits can say more than there are levels.
    if (((this.#maxRep + 1) & this.#maxRep) !== 0) {
      for (let i = from; i < end; i++)
        if ((reps[i] as number) > this.#maxRep)
          throw new RangeError('a page has a repetition level out of range');
    }
    const { at, count } = this.#rowStarts;
    if (end > this.#entriesFrom && !(count > this.#rowsFrom && at[this.#rowsFrom] === this.#entriesFrom))
      throw new RangeError('a column begins in the middle of a row');
  }

  room(count: number, bytes: number): ReturnType<Sink['room']> {
    const first = this.#valuesTo;
    this.#valuesTo += count;
    if (this.#width > 0) {
      const at = first * this.#width;
      this.#bytes.reserve(at, at + bytes);
      return { bytes: this.#bytes.current, at, offsets: new Int32Array(0), first };
    }
    const at = this.#textTo;
    if (at + bytes > 0x7fffffff) throw new RangeError('a batch has more than 2 GiB of text');
    this.#bytes.reserve(at, at + bytes);
    this.#offsets.reserve((first + 1) * 4, (this.#valuesTo + 1) * 4);
    const offsets = this.#begins();
    offsets[first] = at;
    return { bytes: this.#bytes.current, at, offsets, first };
  }

  /** To be called once a page's values are in their room. */
  addedValues(): void {
    if (this.#width === 0 && this.#valuesTo > this.#valuesFrom)
      this.#textTo = this.#begins()[this.#valuesTo] as number;
  }

  take(rows: number): LeafSlice {
    const from = this.#entriesFrom;
    const nested = this.#maxRep > 0;
    const last = this.#rowsFrom + rows;
    const end = !nested
      ? from + rows
      : last < this.#rowStarts.count
        ? (this.#rowStarts.at[last] as number)
        : this.#entriesTo;
    const entries = end - from;
    const there = this.#absent === 0 ? entries : this.#countThere(from, end);
    const rowStarts = nested
      ? this.#rowStarts.at.subarray(this.#rowsFrom, last).map((start) => start - from)
      : undefined;
    this.#absent -= entries - there;
    this.#entriesFrom = end;
    if (nested) this.#rowsFrom = last;
    this.#taken = true;
    return {
      entries,
      defs: there === entries ? undefined : this.#defs.current.subarray(from, end),
      reps: nested ? this.#reps.current.subarray(from, end) : undefined,
      rowStarts,
      values: this.#takeValues(there),
    };
  }

  #takeValues(count: number): Values {
    const from = this.#valuesFrom;
    this.#valuesFrom += count;
    if (this.#width > 0) {
      const bytes = this.#bytes.current.subarray(from * this.#width, (from + count) * this.#width);
      return { count, bytes, offsets: undefined };
    }
    const offsets = count === 0 ? new Int32Array(1) : this.#begins().subarray(from, from + count + 1);
    return { count, bytes: this.#bytes.current.subarray(0, this.#textTo), offsets };
  }

  #begins(): Int32Array {
    const { buffer, byteLength } = this.#offsets.current;
    return new Int32Array(buffer as ArrayBuffer, 0, byteLength >> 2);
  }

  #countThere(from: number, end: number): number {
    const defs = this.#defs.current;
    const max = this.#maxDef;
    let there = 0;
    for (let i = from; i < end; i++) {
      const def = defs[i] as number;
      if (def === max) there++;
      else if (def > max) throw new RangeError('a page has a definition level out of range');
    }
    return there;
  }

  /** After rows were taken, what is left goes on in other memory. */
  #turn(): void {
    if (!this.#taken) return;
    this.#taken = false;
    const [entriesFrom, entriesTo] = [this.#entriesFrom, this.#entriesTo];
    const [valuesFrom, valuesTo] = [this.#valuesFrom, this.#valuesTo];
    if (this.#maxDef > 0) this.#defs.turn(entriesFrom, entriesTo);
    if (this.#maxRep > 0) this.#reps.turn(entriesFrom, entriesTo);
    if (this.#width > 0) {
      this.#bytes.turn(valuesFrom * this.#width, valuesTo * this.#width);
    } else {
      const begin = valuesTo > valuesFrom ? (this.#begins()[valuesFrom] as number) : this.#textTo;
      const left = this.#begins().slice(valuesFrom, valuesTo + 1);
      this.#bytes.turn(begin, this.#textTo);
      this.#offsets.turn(0, 0);
      this.#offsets.reserve(0, left.length * 4);
      const begins = this.#begins();
      for (let i = 0; i < left.length; i++) begins[i] = (left[i] as number) - begin;
      this.#textTo -= begin;
    }
    const { at, count } = this.#rowStarts;
    const rows = count - this.#rowsFrom;
    for (let i = 0; i < rows; i++) at[i] = (at[this.#rowsFrom + i] as number) - entriesFrom;
    this.#rowStarts.count = rows;
    this.#rowsFrom = 0;
    this.#entriesTo = entriesTo - entriesFrom;
    this.#entriesFrom = 0;
    this.#valuesTo = valuesTo - valuesFrom;
    this.#valuesFrom = 0;
  }
}
