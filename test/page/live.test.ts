import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { livePage } from 'penstock';
import { test } from 'vitest';
import { Browser, CHROMIUM } from '../helpers/chromium.js';
import { random } from '../helpers/random.js';
import { QuietEngine } from '../serve/quiet-engine.js';

test('shots', async () => {
  const next = random(1);
  const engine = new QuietEngine({ digits: 'digits', 'digits-bulk': 'digits', embed: 'minilm-l6' });
  const cpu = engine.addDevice('cuda:0', { provider: 'cuda', instances: 2 });
  const sim = engine.addDevice('cuda:1', { provider: 'cuda', instances: 2 });
  engine.jobs.push({ name: 'nightly', state: 'running', rows: 120_000, splits: 40, splitsDone: 12 });
  let t = 0;
  const step = () => {
    t++;
    const burst = t % 40 > 30 ? 4 : 1;
    for (const [name, rate, compute] of [
      ['digits', 300, 4_000],
      ['digits-bulk', 80, 12_000],
      ['embed', 40, 9_000],
    ] as const) {
      const n = Math.round(rate * burst * (0.8 + 0.4 * next()));
      const counts = engine.count(name);
      const times = Array.from(
        { length: Math.min(60, n) },
        () => [500 + next() * next() * 9_000 * burst * burst, compute * (0.9 + 0.3 * next())] as const,
      );
      counts.queueMicros.add(...times.map(([q]) => q));
      counts.computeMicros.add(...times.map(([, c]) => c));
      counts.totalMicros.add(...times.map(([q, c]) => q + c));
      counts.succeeded += n;
      counts.rows += n * 2;
      const batches = Math.ceil((n * 2) / (20 * burst));
      counts.batches += batches;
      counts.capacity += batches * 64;
      counts.queuedRows = Math.round(next() * 30 * burst * burst);
      counts.queuedBytes = counts.queuedRows * 3136;
      if (burst > 1) counts.refused.full = (counts.refused.full ?? 0) + Math.round(n * 0.2);
      if (burst > 1 && name === 'digits') counts.refused.late = (counts.refused.late ?? 0) + 12;
    }
    for (const device of [cpu, sim]) {
      const busy = Math.min(0.97, 0.6 * (0.8 + 0.4 * next()) + (burst > 1 ? 0.35 : 0));
      const rest = 1 - busy;
      device.busy += busy * 1e6;
      device.starved = {
        fetch: device.starved.fetch + rest * 0.2e6,
        prep: device.starved.prep + rest * 0.25e6,
        batching: device.starved.batching + rest * 0.2e6,
      };
      device.blocked += rest * 0.1e6;
      device.idle += rest * 0.25e6;
    }
    const job = engine.jobs[0];
    if (job) {
      job.rows += Math.round(4000 * next());
      job.splitsDone = Math.min(40, 12 + Math.floor(t / 6));
    }
    engine.uptime += 1e6;
  };
  const { StatsReader } = await import('../../src/page/live/from-stats.js');
  const page = livePage({ engine, name: 'digits', isDraining: () => false });
  const reader = new StatsReader(engine);
  const t0 = Date.now();
  for (let i = 0; i < 90; i++) {
    step();
    (page as any).events.push({
      ...reader.frame(false),
      at: t0 - (89 - i) * 1000,
      seconds: 1,
      memory: 3.1e8 + 2e7 * next(),
    });
  }
  const timer = setInterval(step, 1000);
  const server: Server = createServer((request, response) => {
    if (!page.answer(request, response)) response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await using browser = new Browser(CHROMIUM as string);
  for (const [name, options] of Object.entries({
    light: { width: 1180 },
    wide: { width: 1600 },
    dark: { width: 1180, dark: true },
    phone: { width: 390, mobile: true },
  })) {
    const view = await browser.open(url, options);
    await new Promise((done) => setTimeout(done, 2500));
    if (name === 'dark') await view.moveMouse(await view.placeOf('#endpoint-charts .scrubber', 0.4));
    writeFileSync(`/work/tmp/outside-${name}.png`, await view.screenshot());
    console.log(name, view.complaints, view.requests.length);
  }
  clearInterval(timer);
  page[Symbol.dispose]();
  server.closeAllConnections();
  server.close();
});
