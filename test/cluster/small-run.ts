import { mkdirSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type JobInput, type QueueWorker, startWorker, type WorkerEvent, type WorkerOptions } from 'penstock';
import { onTestFinished } from 'vitest';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';
import type { RedisServer } from '../helpers/redis.js';
import { workspace } from '../helpers/workspace.js';

export interface SmallOptions {
  readonly name?: string;
  /** Files, each of which is a split. Default: 6. */
  readonly splits?: number;
  /** Of a file. Default: 4. */
  readonly rows?: number;
  /** What the simulated device takes for a split. Default: 0. */
  readonly splitMs?: number;
  /** More of the job, over what is said here. */
  readonly more?: Partial<JobInput>;
}

/** A job of a few small splits over local files, and where its output goes. */
export function smallJob({
  name = 'small',
  splits = 6,
  rows = 4,
  splitMs = 0,
  more = {},
}: SmallOptions = {}) {
  const at = workspace();
  mkdirSync(at('data'));
  for (let split = 0; split < splits; split++) {
    const ids = Array.from({ length: rows }, (_, row) => split * rows + row);
    const values = ids.flatMap((id) => [id, 2 * id]);
    writeArrow(at('data', `${String(split).padStart(3, '0')}.arrow`), [
      [int32('id', ids), vectors('x', 2, values)],
    ]);
  }
  const out = at('out');
  const job: JobInput = {
    name,
    source: { uri: at('data') },
    model: { runtime: 'simulated', options: { batchMicros: splitMs * 1000 } },
    inputs: { x: {} },
    batch: { size: rows, maxDelayMs: 0 },
    producers: 1,
    ring: { slots: 2 },
    sink: { uri: out, format: 'jsonl', keep: ['id'] },
    ...more,
  };
  return { job, out, at, rows: splits * rows };
}

/** Ids of an output's rows, in order, which are 0, 1, 2 … where each was written once. */
export async function idsIn(out: string): Promise<number[]> {
  const names = (await readdir(out)).filter((name) => name.startsWith('part-')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(out, name), 'utf8')));
  const lines = texts.flatMap((text) => text.split('\n').filter((line) => line !== ''));
  return lines.map((line) => (JSON.parse(line) as { id: number }).id);
}

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, id) => id);

/** What a worker says, to be waited for. */
export class Said {
  readonly events: WorkerEvent[] = [];
  readonly #waiting = new Set<() => void>();

  readonly hear = (event: WorkerEvent): void => {
    this.events.push(event);
    for (const look of [...this.#waiting]) look();
  };

  of<Kind extends WorkerEvent['kind']>(kind: Kind): Extract<WorkerEvent, { kind: Kind }>[] {
    return this.events.filter((event): event is Extract<WorkerEvent, { kind: Kind }> => event.kind === kind);
  }

  /** The first so many events of a kind, once they are there. */
  async until<Kind extends WorkerEvent['kind']>(
    kind: Kind,
    count = 1,
  ): Promise<Extract<WorkerEvent, { kind: Kind }>[]> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.of(kind).length < count) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
    return this.of(kind).slice(0, count);
  }
}

/** A worker in this process, which ends with the test. */
export async function work(
  redis: RedisServer,
  options: WorkerOptions = {},
): Promise<QueueWorker & { readonly said: Said }> {
  const said = new Said();
  const stop = new AbortController();
  const worker = await startWorker({
    queue: redis.url,
    providers: [],
    drainSeconds: 0,
    stopSignal: stop.signal,
    onEvent: said.hear,
    ...options,
  });
  onTestFinished(async () => {
    stop.abort();
    await worker.closed.catch(() => {});
  });
  return Object.assign(worker, { said });
}
