import { readFileSync, writeFileSync } from 'node:fs';
import { tableFromIPC } from 'apache-arrow';
import { loadJob, runJob } from 'penstock';
import { expect, onTestFinished } from 'vitest';
import { type Ended, type Started, type StartOptions, start } from '../../cli/penstock.js';
import { int32, vectors, writeArrow } from '../../helpers/arrow.js';
import type { ObjectServer } from '../../helpers/object-server.mjs';
import { type RedisServer, redisServer } from '../../helpers/redis.js';
import { objectServer } from '../../helpers/storage.js';
import { workspace } from '../../helpers/workspace.js';

/*
 * A scene is one job over object storage, a queue on a real Redis, and workers as whole processes of the built command line.
 */

export interface SceneOptions {
  /** Files, each of which is a split. Default: 200. */
  readonly splits?: number;
  /** Of a file. Default: 20. */
  readonly rows?: number;
  /** What the simulated device takes for the batch that a split is. Default: 5. */
  readonly batchMs?: number;
  /** Addresses of Redis and of storage. Default: loopback. */
  readonly hosts?: { readonly redis: string; readonly storage: string };
}

const ENTRY = /^\/bucket\/out\/_manifest\/part-\d+\.json$/;
const LEASE = /\/_manifest\/lease-[^/]*$/;

export class Scene {
  readonly redis: RedisServer;
  readonly server: ObjectServer;
  readonly job: string;
  readonly rows: number;
  readonly splits: number;
  #entries = 0;
  readonly #waiting = new Set<() => void>();

  static async open(options: SceneOptions = {}): Promise<Scene> {
    const { splits = 200, rows = 20, batchMs = 5, hosts } = options;
    const at = workspace();
    const { server, url } = await objectServer({ now: Date.now }, hosts?.storage);
    for (let split = 0; split < splits; split++) {
      const ids = Array.from({ length: rows }, (_, i) => split * rows + i);
      const values = ids.flatMap((id) => Array.from({ length: 8 }, (_, k) => (id * 31 + k) % 1009));
      const file = writeArrow(at('split.arrow'), [[int32('id', ids), vectors('x', 8, values)]]);
      server.put(`/bucket/data/${String(split).padStart(4, '0')}.arrow`, readFileSync(file));
    }
    const storage = { endpoint: url, region: 'us-east-1', allow_anonymous: 'true', timeout: '10' };
    const job = at('job.yaml');
    writeFileSync(
      job,
      JSON.stringify({
        name: 'scene',
        source: { uri: 's3://bucket/data/', storage },
        model: { runtime: 'simulated', options: { batchMicros: batchMs * 1000 } },
        inputs: { x: {} },
        batch: { size: rows, maxDelayMs: 0 },
        producers: 1,
        ring: { slots: 4 },
        sink: { uri: 's3://bucket/out', storage, keep: ['id', 'x'] },
      }),
    );
    const redis = await redisServer(hosts === undefined ? {} : { host: hosts.redis });
    return new Scene(redis, server, job, splits, rows);
  }

  private constructor(redis: RedisServer, server: ObjectServer, job: string, splits: number, rows: number) {
    this.redis = redis;
    this.server = server;
    this.job = job;
    this.splits = splits;
    this.rows = rows;
    const before = server.options.fault;
    server.options.fault = (seen, count) => {
      if (seen.method === 'PUT' && ENTRY.test(seen.path)) {
        this.#entries++;
        for (const look of this.#waiting) look();
      }
      return before?.(seen, count);
    };
  }

  /** Writes of entries that storage has seen: each commits a split. */
  get commits(): number {
    return this.#entries;
  }

  /** Once storage has seen that many commits, or something has ended. */
  async committed(count: number, ended: Promise<unknown> = new Promise(() => {})): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.#entries < count) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
    await Promise.race([enough, ended]);
  }

  submit(...flags: string[]): Started {
    return start(['submit', this.job, '--queue', this.redis.url, ...flags]);
  }

  worker(flags: readonly string[] = [], options: StartOptions = {}): Started {
    // Trying what works here would take longer than the job, which needs none of it.
    return start(['worker', '--queue', this.redis.url, '--providers', 'cpu', ...flags], options);
  }

  /** What lies below a prefix, by name, without leases. */
  content(prefix: string): Map<string, Buffer> {
    const below = [...this.server.objects].filter(([path]) => path.startsWith(prefix) && !LEASE.test(path));
    return new Map(below.map(([path, { bytes }]) => [path.slice(prefix.length), Buffer.from(bytes)]));
  }

  /** The bytes of a run on one machine, and nothing else; every row once. */
  async expectDone(): Promise<void> {
    const reference = '/bucket/reference/';
    await runJob(await loadJob(this.job, { set: ['sink.uri=s3://bucket/reference'] }));
    const [found, expected] = [this.content('/bucket/out/'), this.content(reference)];
    expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
    // Text only where they differ: there are many.
    for (const [name, bytes] of expected) expect(found.get(name)?.equals(bytes), name).toBe(true);
    const parts = [...found].filter(([name]) => /^part-\d+\.arrow$/.test(name));
    const ids = parts.sort().flatMap(([, bytes]) => [...(tableFromIPC(bytes).getChild('id') ?? [])]);
    expect(ids).toEqual(Array.from({ length: this.splits * this.rows }, (_, id) => id));
  }

  /** How often each split was committed. */
  commitsByEntry(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { method, path } of this.server.seen)
      if (method === 'PUT' && ENTRY.test(path)) counts.set(path, (counts.get(path) ?? 0) + 1);
    return counts;
  }
}

/** Workers that are killed on the spot, and started again, however often. */
export class Fleet {
  readonly #start: (index: number) => Started;
  readonly #workers: Started[];

  constructor(count: number, startWorker: (index: number) => Started) {
    this.#start = startWorker;
    this.#workers = Array.from({ length: count }, (_, index) => startWorker(index));
    onTestFinished(() => this.kill());
  }

  get workers(): readonly Started[] {
    return this.#workers;
  }

  async restart(index: number): Promise<void> {
    const worker = this.#workers[index];
    worker?.child.kill('SIGKILL');
    await worker?.ended;
    this.#workers[index] = this.#start(index);
  }

  kill(): void {
    for (const { child } of this.#workers) child.kill('SIGKILL');
  }

  /** Asks all of them to end, as a terminal or a service manager does. */
  async drain(): Promise<Ended[]> {
    for (const { child } of this.#workers) child.kill('SIGTERM');
    return Promise.all(this.#workers.map(({ ended }) => ended));
  }
}
