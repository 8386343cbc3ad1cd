// What does the queue cost a shard, and do several workers do several times as much as one?
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { loadJob, runJob } from '../dist/index.js';
import { inTemporaryFolder, writeVectors } from './support/arrow-file.mjs';
import { withRedis } from './support/redis.mjs';

const REPEATS = 2;
const WIDTH = 16;
/**
 * Work of 48 s for one worker, in shards of 6 s: what a shard costs beside its work (opening the data, starting threads) is the
 * processor's time, of which two cores have no more for four workers than for one. Shards of real jobs are longer.
 */
const LARGE = { splits: 192, rows: 64, batchMicros: 250_000, shards: 8 };
/** Nothing but what a shard costs. */
const SMALL = { splits: 32, rows: 1, batchMicros: 0, shards: 32 };
const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

const penstock = (args, stdio) => spawn(process.execPath, [MAIN, ...args], { stdio });

/** Writes the data and the job file of a case. */
async function writeCase(folder, name, { splits, rows, batchMicros }) {
  const data = join(folder, name);
  mkdirSync(data);
  await writeVectors(data, {
    dtype: 'float32',
    width: WIDTH,
    rows,
    recordBatchRows: rows,
    copies: splits,
  });
  const job = join(folder, `${name}.json`);
  const document = {
    name,
    source: { uri: data },
    model: { runtime: 'simulated', options: { batchMicros } },
    inputs: { x: { shape: [WIDTH] } },
    batch: { size: rows },
    producers: 1,
    sink: { uri: join(folder, `${name}-out`) },
  };
  writeFileSync(job, JSON.stringify(document));
  return job;
}

/** Calls `work` while so many workers wait for shards. */
async function withWorkers(queue, count, work) {
  const workers = Array.from({ length: count }, () =>
    penstock(['worker', '--queue', queue], ['ignore', 'ignore', 'ignore']),
  );
  const ended = workers.map((worker) => once(worker, 'exit'));
  const redis = new Redis(queue);
  try {
    // Nothing tells of it but the queue.
    while ((await redis.zcard('penstock:workers')) < count) {
      if (workers.some(({ exitCode }) => exitCode !== null)) throw new Error('a worker has ended');
      await sleep(20);
    }
    return await work();
  } finally {
    redis.disconnect();
    for (const worker of workers) worker.kill('SIGTERM');
    await Promise.all(ended);
  }
}

/** The report of a run through the queue, into a sink of its own. */
async function submit(queue, job, { shards }, out) {
  const args = [
    'submit',
    job,
    '--queue',
    queue,
    '--shards',
    shards,
    '--set',
    `sink.uri=${out}`,
    '--wait',
    '--json',
  ];
  const child = penstock(args.map(String), ['ignore', 'pipe', 'pipe']);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`penstock submit ended with code ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

async function scaling(queue, folder) {
  const job = await writeCase(folder, 'large', LARGE);
  const seconds = {};
  for (const count of [1, 2, 4]) {
    seconds[count] = await withWorkers(queue, count, async () => {
      const all = [];
      for (let repeat = 0; repeat < REPEATS; repeat++)
        all.push((await submit(queue, job, LARGE, join(folder, `out-${count}-${repeat}`))).seconds);
      return all;
    });
  }
  return [2, 4].map((count) => ({
    what: `${count} workers ÷ ${count} × one worker, rows a second (simulated device)`,
    bar: { least: 0.95 },
    unit: '×',
    values: seconds[count].map((taken, repeat) => seconds[1][repeat] / (count * taken)),
  }));
}

async function overhead(queue, folder) {
  const job = await writeCase(folder, 'small', SMALL);
  const reports = await withWorkers(queue, 1, async () => {
    const all = [];
    for (let repeat = 0; repeat < REPEATS + 1; repeat++)
      all.push(await submit(queue, job, SMALL, join(folder, `small-${repeat}`)));
    // The first loads code.
    return all.slice(1);
  });
  const perShard = (of) => reports.map((report) => (1000 * of(report)) / report.shards);
  const inside = ({ workers }) => workers.reduce((sum, { seconds }) => sum + seconds, 0);
  return [
    {
      what: 'a shard of one row through the queue, all together',
      unit: 'ms',
      values: perShard(({ seconds }) => seconds),
    },
    {
      what: '  of it the queue: between two shards of a worker',
      unit: 'ms',
      values: perShard((report) => report.seconds - inside(report)),
    },
    { what: '  the same shards without a queue', unit: 'ms', values: await withoutQueue(folder, job) },
  ];
}

async function withoutQueue(folder, file) {
  const values = [];
  for (let repeat = 0; repeat < REPEATS + 1; repeat++) {
    const job = await loadJob(file, { set: [`sink.uri=${join(folder, `alone-${repeat}`)}`] });
    const startedAt = performance.now();
    for (let index = 0; index < SMALL.shards; index++)
      await runJob(job, { shard: { index, count: SMALL.shards } });
    values.push((performance.now() - startedAt) / SMALL.shards);
  }
  return values.slice(1);
}

export function measure() {
  return inTemporaryFolder((folder) =>
    withRedis(folder, async (queue) => [
      ...(await overhead(queue, folder)),
      ...(await scaling(queue, folder)),
    ]),
  );
}
