/*
 * The control page: every word that threads share about the ring, what it means and who writes it.
 * Nobody else writes an index as a number.
 *
 * A slot's life. Transitions under the ring's lock are marked L; the others are one compare-and-swap or store by the
 * only thread that may make them.
 *
 *   from      to         who        when
 *   FREE      FILLING  L producer   it needs room in a bucket that has no open slot
 *   FILLING   SEALED   L anyone     full; end of the stream or of the split (fixed order); its oldest row has waited
 *                                   for the delay; it is the fullest and nothing else can move
 *   SEALED    READY    L anyone     every claimed row is committed or voided (at once, where that is so when sealed)
 *   SEALED    FREE     L anyone     the same, and every row of it was voided
 *   READY     RUNNING    consumer   it takes the slot that became ready first (online: of those with the first class in them)
 *   RUNNING   DONE       consumer   outputs are written
 *   DONE      DRAINING   sink       it takes the slot
 *   DRAINING  FREE       sink       outputs are copied out
 *   RUNNING   FREE       loader     whoever iterates over the batches has released this one
 *   SEALED    FILLING  L main       fixed order: the producer died before it committed the run that had filled it
 *   FILLING   FREE     L main       fixed order: the same, and there was no other run in it
 *
 * Rows come in runs: consecutive rows of one split that one producer claimed together. The table of runs is the truth
 * about a slot that is being filled; CLAIMED, SETTLED and VOIDED are sums over it, so that a lock whose owner died in the
 * middle of a transition is recovered by adding up again.
 *
 * From READY on, a slot's table of runs belongs to whoever holds the slot: a consumer marks the rows that the model
 * rejected in it, before the slot is DONE. Of online requests it takes out what is not to run any more: those runs become VOID,
 * the rows behind them move up, and CLAIMED is what is left; with nothing left the slot is DONE without a run. `request-page.ts`
 * has what such a stream shares besides; its only producer and sink is the main thread (`request-side.ts`).
 *
 * Splits are known by their place in the stream. A producer takes the next one that nobody has by one compare-and-swap,
 * so there is no moment at which a split belongs to nobody and is not to be had; it asks no other thread, so it does not
 * wait for one to answer.
 */

export const SlotState = {
  FREE: 0,
  FILLING: 1,
  SEALED: 2,
  READY: 3,
  RUNNING: 4,
  DONE: 5,
  DRAINING: 6,
} as const;
export type SlotState = (typeof SlotState)[keyof typeof SlotState];

/** REJECTED: committed, and the model takes none of the rows; set by the consumer. */
export const RunStatus = { CLAIMED: 0, COMMITTED: 1, VOID: 2, REJECTED: 3 } as const;
export type RunStatus = (typeof RunStatus)[keyof typeof RunStatus];

/** What may still happen in the ring. */
export const RingStatus = { OPEN: 0, ENDED: 1, ABORTED: 2 } as const;
export type RingStatus = (typeof RingStatus)[keyof typeof RingStatus];

/** Words of the header; groups that different threads write stand in cache lines of their own. */
export const Header = {
  LOCK: 0,
  LOCK_SLEEPERS: 1,
  /** Order of readiness, counted under the lock. */
  NEXT_SEQUENCE: 2,
  /** RingStatus; written by the main thread. */
  STATUS: 3,
  /** The first split that is not DONE, under the lock. */
  FIRST_SPLIT: 4,
  /** No split before this one is free to be taken: where to look first. */
  NEXT_SPLIT: 5,
  /** Producers that may take splits: lanes from this on end with the split that they have. Written by the main thread. */
  LANES: 6,
  /** Slots in use, from the first on: the others are not taken yet. Only raised, by the main thread. */
  SLOTS: 7,
  /**
   * Consumers that may take batches: those from this on leave, with the batch done that they have. 0: all. Written by the main
   * thread.
   */
  CONSUMERS: 8,
  /** Event: a slot became READY, was opened (its delay runs), or the status or CONSUMERS changed. */
  READY: 16,
  READY_WAITERS: 17,
  /** Event: a slot became FREE, or the status changed. */
  FREE: 32,
  FREE_WAITERS: 33,
  /** Event: a slot became DONE, or the status changed. */
  DONE: 48,
  DONE_WAITERS: 49,
  words: 64,
} as const;

/** Words of a slot's record; TIMES are float64, so the record is a multiple of 8 bytes long. */
export const SlotWord = {
  STATE: 0,
  /** Place in the order of readiness. */
  SEQUENCE: 1,
  /** Among the open slots: the bucket, or in fixed order `lane × buckets + bucket`. */
  PLACE: 2,
  /** Rows claimed: the sum of the runs' counts, voided ones too. */
  CLAIMED: 3,
  /** Rows committed or voided. */
  SETTLED: 4,
  /** Runs in the table. Raised last in a claim: below it, entries are whole. */
  RUNS: 5,
  /** Rows voided. */
  VOIDED: 6,
  /** Fixed order: place among the batches of its split, from 1 on; 0 until it is sealed. */
  BATCH: 7,
  /** float64 at word 8: when its first row was claimed, microseconds. */
  OPENED_AT: 8,
  /** Lengths of its committed rows, summed. */
  TOKENS: 10,
  /** 1 where the delay sealed it: company that its rows had waited for did not come. */
  DELAYED: 11,
  /** float64 at word 12: when rows were last committed in it, microseconds. */
  COMMITTED_AT: 12,
  words: 16,
} as const;

/** Words of a run's record, written under the lock. */
export const RunWord = {
  /** The producer's lane. */
  PRODUCER: 0,
  SPLIT: 1,
  /** Its first row, counted from the start of the split. */
  ROW: 2,
  /** Its first row in the slot. */
  FIRST: 3,
  COUNT: 4,
  /** RunStatus */
  STATUS: 5,
  words: 6,
} as const;

/** A split's record: for ordering, and for whoever takes over from the dead. */
export const SplitWord = {
  /** The lane of its producer + 1; 0 while nobody has taken it. */
  LANE: 0,
  /** Rows from its start that are committed without a gap. Under the lock, as what follows. */
  COMMITTED_ROWS: 1,
  /** Fixed order: its batches that were sealed. */
  BATCHES: 2,
  /** 1 once all its rows are in the ring. */
  DONE: 3,
  /** 1 while its producer waits for a slot. */
  BLOCKED: 4,
  words: 8,
} as const;

/** The sizes that decide where everything lies; the same in every thread. */
export interface RingShape {
  readonly slots: number;
  /** Rows at most in a slot, whatever its bucket. */
  readonly maxRows: number;
  /** Slots that may be open at the same time. */
  readonly openSlots: number;
  /** Splits of the stream. */
  readonly splits: number;
}

/** Word offsets in the control page. */
export class ControlMap {
  readonly maxRuns: number;
  readonly totalWords: number;
  readonly #splits: number;
  readonly #open: number;
  readonly #slots: number;
  readonly #slotWords: number;

  constructor(shape: RingShape) {
    this.maxRuns = shape.maxRows;
    this.#open = Header.words;
    this.#slots = this.#open + Math.ceil(shape.openSlots / 16) * 16;
    this.#slotWords = SlotWord.words + Math.ceil((this.maxRuns * RunWord.words) / 16) * 16;
    this.#splits = this.#slots + shape.slots * this.#slotWords;
    this.totalWords = this.#splits + shape.splits * SplitWord.words;
  }

  split(split: number): number {
    return this.#splits + split * SplitWord.words;
  }

  /** The word that names an open slot: its index + 1; 0 for none. */
  open(place: number): number {
    return this.#open + place;
  }

  slot(slot: number): number {
    return this.#slots + slot * this.#slotWords;
  }

  run(slot: number, run: number): number {
    return this.slot(slot) + SlotWord.words + run * RunWord.words;
  }
}
