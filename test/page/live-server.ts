import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type LivePage, livePage } from 'penstock';
import { StatsReader } from '../../src/page/live/from-stats.js';
import { random } from '../helpers/random.js';
import { type EndpointCounts, QuietEngine } from '../serve/quiet-engine.js';

/**
 * An engine whose traffic is known to the microsecond: each time it is asked, a second has gone by, in which the same
 * happened as in every other.
 */
export class SteadyEngine extends QuietEngine {
  constructor() {
    super({ digits: 'digits', 'digits-bulk': 'digits' });
    this.addDevice('cuda:0', { provider: 'cuda', instances: 2 });
    this.jobs.push({ name: 'nightly', state: 'running', rows: 0, splits: 40, splitsDone: 10 });
  }

  override stats() {
    this.uptime += 1e6;
    const [digits, bulk] = this.counts as [EndpointCounts, EndpointCounts];
    // 100 a second: half of them 3 ms, 45 of them 6 ms, 5 of them 30 ms.
    const times = [
      ...Array(50).fill([1_000, 2_000]),
      ...Array(45).fill([4_000, 2_000]),
      ...Array(5).fill([26_000, 4_000]),
    ];
    this.answered('digits', ...times);
    digits.batches += 5;
    digits.capacity += 40 * 5;
    digits.queuedRows = 12;
    digits.queuedBytes = 12 * 3_136;
    digits.refused.full = (digits.refused.full ?? 0) + 7;
    bulk.succeeded += 20;
    bulk.rows += 160;
    bulk.batches += 10;
    bulk.capacity += 640;
    for (const device of this.devices) {
      device.busy += 6e5;
      const { fetch, prep, batching } = device.starved;
      device.starved = { fetch: fetch + 1e5, prep: prep + 5e4, batching: batching + 1.2e5 };
      device.blocked += 3e4;
      device.idle += 1e5;
    }
    for (const job of this.jobs) job.rows += 2_500;
    return super.stats();
  }
}

/** One that is as busy as a real one, for the eye: bursts now and then, two devices. */
export class LivelyEngine extends QuietEngine {
  readonly #next = random(1);
  #second = 0;

  constructor() {
    super({ digits: 'digits', 'digits-bulk': 'digits', embed: 'minilm-l6' });
    this.addDevice('cuda:0', { provider: 'cuda', instances: 2 });
    this.addDevice('cuda:1', { provider: 'cuda', instances: 2 });
    this.jobs.push({ name: 'nightly', state: 'running', rows: 120_000, splits: 40, splitsDone: 12 });
  }

  override stats() {
    this.uptime += 1e6;
    this.#second++;
    const next = this.#next;
    const burst = this.#second % 40 > 30 ? 4 : 1;
    const about = (value: number): number => value * (0.85 + 0.3 * next());
    const kinds = { digits: [300, 4_000], 'digits-bulk': [80, 12_000], embed: [40, 9_000] } as const;
    for (const [name, [rate, compute]] of Object.entries(kinds)) {
      const count = Math.round(about(rate * burst));
      const counts = this.count(name);
      const times = Array.from(
        { length: 60 },
        () => [500 + next() ** 2 * 9_000 * burst ** 2, about(compute)] as const,
      );
      this.answered(name, ...times);
      counts.succeeded += count - times.length;
      counts.rows += 2 * count - times.length;
      const batches = Math.ceil(count / (10 * burst));
      counts.batches += batches;
      counts.capacity += batches * 96;
      counts.queuedRows = Math.round(next() * 30 * burst ** 2);
      counts.queuedBytes = counts.queuedRows * 3_136;
      if (burst > 1) counts.refused.full = (counts.refused.full ?? 0) + Math.round(count * 0.2);
      if (burst > 1) counts.refused.late = (counts.refused.late ?? 0) + Math.round(count * 0.05);
    }
    for (const device of this.devices) {
      const busy = Math.min(0.97, about(0.6) + (burst > 1 ? 0.35 : 0));
      const rest = (1 - busy) * 1e6;
      device.busy += busy * 1e6;
      const { fetch, prep, batching } = device.starved;
      device.starved = {
        fetch: fetch + 0.2 * rest,
        prep: prep + 0.25 * rest,
        batching: batching + 0.2 * rest,
      };
      device.blocked += 0.1 * rest;
      device.idle += 0.25 * rest;
    }
    for (const job of this.jobs) {
      job.rows += Math.round(about(4_000));
      job.splitsDone = Math.min(40, 12 + Math.floor(this.#second / 6));
    }
    return super.stats();
  }
}

export interface LiveServer extends AsyncDisposable {
  readonly url: URL;
  readonly page: LivePage;
  /** What was asked for. */
  readonly requests: IncomingMessage[];
  /** Ends all connections; new ones are taken. */
  drop(): void;
}

/** A live page behind a plain server; with a token, events are for those who have it. `at`: its port, by default any. */
export async function serveLive(engine: QuietEngine, token?: string, at = 0): Promise<LiveServer> {
  const page = livePage({ engine, name: 'digits', isDraining: () => false });
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    const isLocked = token !== undefined && request.url === '/live/events';
    if (isLocked && request.headers.authorization !== `Bearer ${token}`) response.writeHead(401).end();
    else if (!page.answer(request, response)) response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    page,
    requests,
    drop: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      page[Symbol.dispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Some time of it, as if somebody had looked on: for pictures. */
export function fillUp({ page }: LiveServer, engine: QuietEngine, seconds = 90): void {
  const reader = new StatsReader(engine);
  const end = Date.now();
  for (let second = seconds; second > 0; second--) {
    const frame = reader.frame(false);
    page.events.push({ ...frame, at: end - second * 1_000, memory: 3e8 + 1e6 * (second % 7) });
  }
}
