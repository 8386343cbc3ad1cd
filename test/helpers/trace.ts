import { Ajv } from 'ajv';
import { expect } from 'vitest';

/** A file of the Trace Event Format, as far as Penstock writes it. */
export interface TraceFile {
  readonly displayTimeUnit: string;
  readonly otherData: {
    readonly job: string;
    readonly complete: boolean;
    readonly lostRecords?: number;
    readonly missingFrom?: number;
    readonly missingTo?: number;
  };
  readonly traceEvents: readonly TraceEvent[];
}

export interface TraceEvent {
  readonly ph: 'X' | 'b' | 'e' | 'M';
  readonly name: string;
  readonly cat?: string;
  readonly id?: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

const number = { type: 'number', minimum: 0 };
const text = { type: 'string', minLength: 1 };
const common = {
  name: text,
  pid: { type: 'integer' },
  tid: { type: 'integer' },
  ts: number,
  args: { type: 'object' },
};

/** What the format asks of each kind of event. */
const SCHEMA = {
  type: 'object',
  required: ['displayTimeUnit', 'otherData', 'traceEvents'],
  properties: {
    displayTimeUnit: { enum: ['ms', 'ns'] },
    otherData: { type: 'object' },
    traceEvents: {
      type: 'array',
      items: {
        oneOf: [
          event('M', { args: { type: 'object' } }),
          event('X', { cat: text, dur: number }),
          event('b', { cat: text, id: { type: 'string', pattern: '^0x[0-9a-f]+$' } }),
          event('e', { cat: text, id: { type: 'string', pattern: '^0x[0-9a-f]+$' } }),
        ],
      },
    },
  },
};

function event(ph: string, own: Readonly<Record<string, object>>) {
  return {
    type: 'object',
    required: ['ph', 'name', 'pid', 'tid', 'ts', ...Object.keys(own)],
    properties: { ph: { const: ph }, ...common, ...own },
    additionalProperties: false,
  };
}

const validate = new Ajv().compile(SCHEMA);

/** Where a slot may go from a state; «» is before and after a batch. */
const NEXT: Readonly<Record<string, readonly string[]>> = {
  '': ['FILLING'],
  FILLING: ['SEALED', ''],
  SEALED: ['READY', 'FILLING', ''],
  READY: ['RUNNING'],
  RUNNING: ['DONE', ''],
  DONE: ['DRAINING'],
  DRAINING: [''],
};

/** A trace, after it was checked: the format, the order of times, and that all that begins ends. */
export function readTrace(file: string): TraceFile {
  const trace = JSON.parse(file) as TraceFile;
  expect(validate(trace), JSON.stringify(validate.errors?.slice(0, 3))).toBe(true);
  expect(trace.traceEvents.length).toBeLessThanOrEqual(200_000);
  checkSlices(trace);
  checkAsync(trace);
  return trace;
}

/** Slices of a thread follow one another. Times are rounded to nanoseconds. */
function checkSlices({ traceEvents }: TraceFile): void {
  const ends = new Map<number, number>();
  const slices = traceEvents.filter(({ ph }) => ph === 'X').sort((a, b) => a.ts - b.ts);
  for (const { tid, ts, dur = 0, name } of slices) {
    if (ts < (ends.get(tid) ?? 0) - 0.0015)
      throw new Error(`${name} at ${ts} begins before its thread is there`);
    ends.set(tid, ts + dur);
  }
}

/** Asynchronous slices nest, times never go back, slots change as their protocol says. */
function checkAsync({ traceEvents, otherData }: TraceFile): void {
  const stacks = new Map<string, string[]>();
  const states = new Map<string, string>();
  const times = new Map<string, number>();
  for (const { ph, name, cat, id, ts, args } of traceEvents) {
    if (ph !== 'b' && ph !== 'e') continue;
    const key = `${cat} ${id}`;
    if (ts < (times.get(key) ?? 0)) throw new Error(`${key}: ${name} at ${ts} goes back in time`);
    times.set(key, ts);
    const stack = stacks.get(key) ?? [];
    stacks.set(key, stack);
    if (ph === 'e') {
      const begun = stack.pop();
      if (begun !== name) throw new Error(`${key}: ${name} ends at ${ts}, where ${begun} is open`);
    } else stack.push(name);
    if (cat !== 'slot') continue;
    const isWhole = name.startsWith('slot ');
    if (isWhole && args?.cut === true) states.delete(key);
    const before = states.get(key) ?? '';
    const after = isWhole && ph === 'e' ? '' : !isWhole && ph === 'b' ? name : before;
    if (after !== before && !NEXT[before]?.includes(after))
      throw new Error(`${key}: from ${before} to ${after} at ${ts}`);
    states.set(key, after);
  }
  for (const [key, stack] of stacks) if (stack.length > 0) throw new Error(`${key}: ${stack} never ends`);
  if (otherData.complete) expect(otherData.lostRecords).toBeUndefined();
}

/** The slices of the thread of that name, in order. */
export function slicesOf({ traceEvents }: TraceFile, thread: string): TraceEvent[] {
  const named = traceEvents.find(
    ({ ph, name, args }) => ph === 'M' && name === 'thread_name' && args?.name === thread,
  );
  if (named === undefined) throw new Error(`no thread is called ${thread}`);
  return traceEvents.filter(({ ph, tid }) => ph === 'X' && tid === named.tid);
}

/** What begins of a kind. */
export function begun({ traceEvents }: TraceFile, cat: string, name: RegExp): TraceEvent[] {
  return traceEvents.filter((event) => event.ph === 'b' && event.cat === cat && name.test(event.name));
}
