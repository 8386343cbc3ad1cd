import { Traced, type TraceMemory, type TraceRecord } from '../clock/trace.js';
import { SlotState } from '../ring/protocol.js';
import { type Stretch, stretchesOf } from './trace-stretch.js';

/** What is drawn of one thread. */
export interface TraceThread {
  /** Its track in the trace. */
  readonly track: number;
  readonly name: string;
  /** Its states by name; undefined where it has no state clock. */
  readonly states: Readonly<Record<string, number>> | undefined;
}

export interface TraceAbout {
  readonly job: string;
  /** When the run started, microseconds of `now()`: the trace's zero. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly threads: readonly TraceThread[];
}

/** Events of a trace file at most, all threads together. */
const MOST_EVENTS = 200_000;

/** A record begins one event and ends another at most; the rest is for names, and for what is open at an end. */
export const MOST_RECORDS = MOST_EVENTS / 2 - 5_000;

/** Everything is one process to whoever looks at it. */
const PROCESS = 1;

/** One event of the Trace Event Format. */
interface TraceEvent {
  readonly ph: 'X' | 'b' | 'e' | 'M';
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly [field: string]: unknown;
}

/**
 * A trace as a file in the Trace Event Format of Chrome, which Perfetto and chrome://tracing open: what each thread did as
 * slices of its track, slots with their states, and parts being written, as nestable asynchronous slices. Where more
 * happened than there was room for, the middle is missing, and `otherData` and a slice of each track say so.
 */
export function chromeTrace(memory: TraceMemory, about: TraceAbout): string {
  const { job, startedAt, endedAt, threads } = about;
  const { stretches, lost } = stretchesOf(memory, startedAt, endedAt);
  const draw = new Drawing(startedAt);
  draw.named('process_name', 0, { name: `penstock: ${job}` });
  draw.named('thread_name', 0, { name: 'slots and parts' });
  for (const [i, { track, name }] of threads.entries()) {
    draw.named('thread_name', track, { name });
    draw.named('thread_sort_index', track, { sort_index: i });
  }
  for (const stretch of stretches) {
    for (const thread of threads) drawThread(draw, thread, stretch);
    drawSlots(draw, stretch);
    drawWrites(draw, stretch);
  }
  const [before, after] = stretches;
  const isComplete = before === undefined || after === undefined;
  if (!isComplete) {
    for (const { track } of threads) draw.slice(track, 'trace', 'not recorded', before.to, after.from);
  }
  const missing = isComplete
    ? {}
    : { lostRecords: lost, missingFrom: draw.micros(before.to), missingTo: draw.micros(after.from) };
  const head = { displayTimeUnit: 'ms', otherData: { job, complete: isComplete, ...missing } };
  // An event a line: files of this size are looked into with line tools too.
  const lines = draw.events.map((event) => JSON.stringify(event));
  return `${JSON.stringify(head).slice(0, -1)},"traceEvents":[\n${lines.join(',\n')}\n]}\n`;
}

/** The events so far; times are given as `now()` tells them. */
class Drawing {
  readonly events: TraceEvent[] = [];
  readonly #startedAt: number;

  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  /** From the start of the run; nanoseconds are as exact as the clock is. */
  micros(at: number): number {
    return Math.round((at - this.#startedAt) * 1e3) / 1e3;
  }

  named(name: string, tid: number, args: object): void {
    this.events.push({ ph: 'M', name, pid: PROCESS, tid, ts: 0, args });
  }

  slice(tid: number, cat: string, name: string, from: number, to: number, args?: object): void {
    const ts = this.micros(from);
    const dur = Math.round((this.micros(to) - ts) * 1e3) / 1e3;
    this.events.push({ ph: 'X', name, cat, pid: PROCESS, tid, ts, dur, ...(args && { args }) });
  }

  /** Begins or ends an asynchronous slice; those of one category and number lie within each other. */
  async(ph: 'b' | 'e', cat: string, id: number, name: string, at: number, args?: object): void {
    const hex = `0x${id.toString(16)}`;
    this.events.push({
      ph,
      name,
      cat,
      id: hex,
      pid: PROCESS,
      tid: 0,
      ts: this.micros(at),
      ...(args && { args }),
    });
  }
}

/** What a thread begins to do; nothing that is drawn, where it is null. */
type Begun = { readonly name: string; readonly args?: object } | null;

/** A slice for as long as a thread did one thing. */
function drawThread(draw: Drawing, { track, states }: TraceThread, { tracks, to }: Stretch): void {
  const cat = states === undefined ? 'slot' : 'state';
  let open: Begun = null;
  let since = 0;
  let slot: TraceRecord | undefined;
  const begin = (begun: Begun, at: number): void => {
    if (open !== null) draw.slice(track, cat, open.name, since, at, open.args);
    open = begun;
    since = at;
  };
  for (const record of tracks[track] ?? []) {
    if (record.kind === Traced.slot) slot = record;
    if (states === undefined && record.kind === Traced.slot) begin(emptying(record), record.at);
    if (states !== undefined && record.kind === Traced.state)
      begin(doing(nameOf(states, record.state), slot), record.at);
  }
  begin(null, to);
}

/** A consumer has taken its slot just before it runs. */
function doing(name: string, slot: TraceRecord | undefined): Begun {
  if (name !== 'running' || slot?.state !== SlotState.RUNNING) return { name };
  return { name, args: { slot: slot.slot, rows: slot.about } };
}

/** A thread without a state clock, the sink's, is seen by the slots that it empties. */
function emptying({ state, slot, about }: TraceRecord): Begun {
  return state === SlotState.DRAINING ? { name: 'empty a slot', args: { slot, rows: about } } : null;
}

/** A slot from FILLING to FREE, and within it each of its states. */
function drawSlots(draw: Drawing, { tracks, to }: Stretch): void {
  /** The state of each slot that is not free. */
  const open = new Map<number, string>();
  const close = (slot: number, at: number, args: object): void => {
    const state = open.get(slot);
    if (state === undefined) return;
    draw.async('e', 'slot', slot, state, at);
    draw.async('e', 'slot', slot, `slot ${slot}`, at, args);
    open.delete(slot);
  };
  for (const { at, slot, state, about: rows } of inOrder(tracks, [Traced.slot])) {
    const name = nameOf(SlotState, state);
    const before = open.get(slot);
    if (state === SlotState.FREE) {
      close(slot, at, { rows });
      continue;
    }
    // One whose beginning is missing is seen from its next batch on.
    if (before === undefined && state !== SlotState.FILLING) continue;
    if (before === undefined) draw.async('b', 'slot', slot, `slot ${slot}`, at);
    else draw.async('e', 'slot', slot, before, at);
    draw.async('b', 'slot', slot, name, at);
    open.set(slot, name);
  }
  for (const slot of [...open.keys()]) close(slot, to, { cut: true });
}

/** Parts, from before they are encoded until they are committed. */
function drawWrites(draw: Drawing, { tracks, to }: Stretch): void {
  const open = new Set<number>();
  for (const { kind, at, about: part } of inOrder(tracks, [Traced.writeBegin, Traced.writeEnd])) {
    if (kind === Traced.writeBegin) {
      draw.async('b', 'write', part, `part ${part}`, at);
      open.add(part);
    } else if (open.delete(part)) draw.async('e', 'write', part, `part ${part}`, at);
  }
  for (const part of open) draw.async('e', 'write', part, `part ${part}`, to, { cut: true });
}

/** Records of some kinds, whoever made them, in the order of time. */
function inOrder(tracks: Stretch['tracks'], kinds: readonly Traced[]): TraceRecord[] {
  return tracks
    .flat()
    .filter(({ kind }) => kinds.includes(kind))
    .sort((a, b) => a.at - b.at);
}

function nameOf(states: Readonly<Record<string, number>>, state: number): string {
  return Object.entries(states).find(([, value]) => value === state)?.[0] ?? `state ${state}`;
}
