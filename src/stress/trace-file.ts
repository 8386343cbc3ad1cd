import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { z } from 'zod';
import { messageOf, UsageError } from '../util/errors.js';
import { reasonOf } from '../util/system-error.js';
import type { TraceArrivals } from './arrivals/trace.js';

/** What a trace file says of one endpoint. */
export interface TracedStream {
  /** Undefined for requests that name none. */
  readonly endpoint: string | undefined;
  /** Its requests. */
  readonly arrivals: TraceArrivals;
}

/** A recorded load. */
export interface TraceFile {
  /** Where it was read from. */
  readonly file: string;
  /** One an endpoint. */
  readonly streams: readonly TracedStream[];
  /** From its first request to its last. */
  readonly seconds: number;
}

const entry = z.object({
  time: z.coerce.number({ error: 'a number of seconds' }),
  endpoint: z.string().exactOptional(),
  rows: z.coerce.number().int({ error: 'a whole number' }).min(1, { error: '1 or more' }).default(1),
});
type Entry = z.output<typeof entry>;

interface Written {
  readonly line: number;
  readonly value: unknown;
}

/**
 * Reads a trace: CSV with a header, or JSON lines (`.jsonl`, `.ndjson`, `.json`). Columns: `time` in seconds (where they begin
 * does not matter), and where wanted `endpoint` and `rows`, by default 1. In any order.
 *
 * @throws UsageError that names file, line and what was expected
 */
export async function readTrace(file: string): Promise<TraceFile> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UsageError(`--trace: ${file}: can't be read: ${reasonOf(cause)}`, { file, cause });
  });
  const isJson = ['.jsonl', '.ndjson', '.json'].includes(extname(file).toLowerCase());
  const lines = text.split(/\r?\n/).map((line, i) => ({ text: line.trim(), line: i + 1 }));
  const written = lines.filter((line) => line.text !== '');
  const entries = (isJson ? jsonLines(file, written) : csvLines(file, written)).map((one) =>
    parse(file, one),
  );
  if (entries.length === 0) {
    throw new UsageError(`--trace: ${file}: holds no requests`, {
      file,
      hint: 'Give it a line a request: time,endpoint,rows, with these names in the first line.',
    });
  }
  return streamsOf(file, entries);
}

interface Line {
  readonly text: string;
  readonly line: number;
}

function jsonLines(file: string, lines: readonly Line[]): Written[] {
  return lines.map(({ text, line }) => {
    try {
      return { line, value: JSON.parse(text) as unknown };
    } catch (cause) {
      throw new UsageError(`--trace: ${file}:${line}: no JSON: ${messageOf(cause)}`, { file, line, cause });
    }
  });
}

/** Plain CSV: names of endpoints hold neither commas nor quotes. */
function csvLines(file: string, [head, ...lines]: readonly Line[]): Written[] {
  const names = (head?.text ?? '').split(',').map((name) => name.trim().toLowerCase());
  if (!names.includes('time')) {
    throw new UsageError(
      `--trace: ${file}:1: expected a header with the column time, got ${head?.text ?? ''}`,
      {
        file,
        line: 1,
        hint: 'Its first line names the columns: time,endpoint,rows',
      },
    );
  }
  return lines.map(({ text, line }) => {
    const cells = text.split(',').map((cell) => cell.trim());
    const filled = names.map((name, i) => [name, cells[i] ?? ''] as const).filter(([, cell]) => cell !== '');
    return { line, value: Object.fromEntries(filled) };
  });
}

function parse(file: string, { line, value }: Written): Entry {
  const { data, error } = entry.safeParse(value);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  const key = issue?.path.join('.') ?? '';
  throw new UsageError(`--trace: ${file}:${line}: ${key}: expected ${issue?.message ?? 'a request'}`, {
    file,
    line,
    key,
  });
}

function streamsOf(file: string, entries: readonly Entry[]): TraceFile {
  const sorted = entries.toSorted((a, b) => a.time - b.time);
  const first = sorted[0]?.time ?? 0;
  const byEndpoint = new Map<string | undefined, Entry[]>();
  for (const one of sorted) {
    const stream = byEndpoint.get(one.endpoint);
    if (stream === undefined) byEndpoint.set(one.endpoint, [one]);
    else stream.push(one);
  }
  const streams = [...byEndpoint].map(
    ([endpoint, requests]): TracedStream => ({
      endpoint,
      arrivals: {
        kind: 'trace',
        times: requests.map(({ time }) => time - first),
        rows: requests.map(({ rows }) => rows),
      },
    }),
  );
  return { file, streams, seconds: (sorted.at(-1)?.time ?? 0) - first };
}
