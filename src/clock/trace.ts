import { now } from './now.js';

/*
 * A trace: what every thread did, and when. Each thread writes into a track of its own, so that nobody waits for anybody
 * and nothing is allocated; the main thread reads all of them once the others have stopped.
 *
 *   value (f64)  0     records written so far
 *   record (16 bytes each, from byte 16 on)
 *     value (f64)  0   when, microseconds of now()
 *     word (Int32) 2   what: kind | state << 4 | slot << 8
 *     word (Int32) 3   about: rows of the slot, or the ordinal of the part
 *
 * A track keeps its first records and its latest: the second half of its room is a circle.
 */
const HEAD_BYTES = 16;
const RECORD_BYTES = 16;

/** What a record tells of. */
export const Traced = {
  /** The thread's own state, as its state clock has it. */
  state: 0,
  /** The state that a slot is in from now on. */
  slot: 1,
  /** A part begins to be written, … */
  writeBegin: 2,
  /** … and is written. */
  writeEnd: 3,
} as const;
export type Traced = (typeof Traced)[keyof typeof Traced];

/** Shared memory of a trace; clonable between threads. */
export interface TraceMemory {
  readonly page: SharedArrayBuffer;
  readonly tracks: number;
  /** Records that a track has room for; even. */
  readonly capacity: number;
}

/** Room for about so many records, shared out evenly among the tracks. */
export function createTraceMemory(tracks: number, records: number): TraceMemory {
  const capacity = Math.max(2, 2 * Math.floor(records / tracks / 2));
  const page = new SharedArrayBuffer(tracks * (HEAD_BYTES + capacity * RECORD_BYTES));
  return { page, tracks, capacity };
}

const trackBytes = ({ capacity }: TraceMemory): number => HEAD_BYTES + capacity * RECORD_BYTES;

/** The side of the thread that a track belongs to. Any number of writers of the same thread may share it. */
export class TraceWriter {
  readonly #values: Float64Array;
  readonly #words: Int32Array;
  readonly #half: number;

  constructor(memory: TraceMemory, track: number) {
    const bytes = trackBytes(memory);
    this.#values = new Float64Array(memory.page, track * bytes, bytes / 8);
    this.#words = new Int32Array(memory.page, track * bytes, bytes / 4);
    this.#half = memory.capacity / 2;
  }

  state(state: number, at = now()): void {
    this.#record(Traced.state, state, 0, 0, at);
  }

  slot(slot: number, state: number, rows: number, at: number): void {
    this.#record(Traced.slot, state, slot, rows, at);
  }

  writeBegin(part: number): void {
    this.#record(Traced.writeBegin, 0, 0, part, now());
  }

  writeEnd(part: number): void {
    this.#record(Traced.writeEnd, 0, 0, part, now());
  }

  #record(kind: Traced, state: number, slot: number, about: number, at: number): void {
    const values = this.#values;
    const count = values[0] as number;
    const half = this.#half;
    const place = count < half ? count : half + ((count - half) % half);
    const word = (HEAD_BYTES + place * RECORD_BYTES) / 4;
    values[word / 2] = at;
    this.#words[word + 2] = kind | (state << 4) | (slot << 8);
    this.#words[word + 3] = about;
    values[0] = count + 1;
  }
}

export interface TraceRecord {
  readonly at: number;
  readonly kind: Traced;
  readonly state: number;
  readonly slot: number;
  readonly about: number;
}

/** What one thread recorded, in the order of time: what lies between `first` and `latest` is lost, if anything is. */
export interface TraceTrack {
  readonly first: readonly TraceRecord[];
  readonly latest: readonly TraceRecord[];
  /** Records between the two. */
  readonly lost: number;
}

/** Reads a track of a thread that has stopped. */
export function readTrack(memory: TraceMemory, track: number): TraceTrack {
  const bytes = trackBytes(memory);
  const values = new Float64Array(memory.page, track * bytes, bytes / 8);
  const words = new Int32Array(memory.page, track * bytes, bytes / 4);
  const half = memory.capacity / 2;
  const count = values[0] as number;
  const record = (place: number): TraceRecord => {
    const word = (HEAD_BYTES + place * RECORD_BYTES) / 4;
    const what = words[word + 2] as number;
    return {
      at: values[word / 2] as number,
      kind: (what & 0xf) as Traced,
      state: (what >> 4) & 0xf,
      slot: what >>> 8,
      about: words[word + 3] as number,
    };
  };
  const first = Array.from({ length: Math.min(count, half) }, (_, i) => record(i));
  const kept = Math.min(Math.max(0, count - half), half);
  const oldest = count - kept;
  const latest = Array.from({ length: kept }, (_, i) => record(half + ((oldest + i - half) % half)));
  return { first, latest, lost: count - first.length - latest.length };
}
