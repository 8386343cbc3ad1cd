// How do servers compare that answer the same requests with the same model on the CPU? `npm run bench:serve-peers`
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, homedir, loadavg, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Environments } from '../support/environments.mjs';
import { Results } from '../support/results.mjs';
import { cell, markdown } from '../support/tables.mjs';
import { loadDigits } from './support/digits.mjs';
import { measure } from './support/measure.mjs';
import { SERVERS } from './support/servers.mjs';

const HELP = `usage: node bench/peers/serve/main.mjs [options]

  --cache DIR        environments (default: ~/.cache/penstock-peers)
  --only ID,…        some servers: ${SERVERS.map(({ id }) => id).join(', ')}
  --size N           rows of a batch at most (default: 64)
  --delay MS         how long a row may wait for company (default: 5)
  --deadline MS      within which an answer is of use (default: 200)
  --threads N        intra-op threads of ONNX Runtime (default: 1)
  --repeats N        (default: 5)
  --seconds N        of each load (default: 8)
  --limit N          seconds within which a server must be ready (default: 120)
  --quick            one repeat, 1.5 seconds: does everything run?
  --python PROGRAM   makes the environments (default: python3.11)
  --json FILE        all that was measured
  --help`;

const { values: options } = parseArgs({
  options: {
    cache: { type: 'string', default: join(homedir(), '.cache', 'penstock-peers') },
    only: { type: 'string' },
    size: { type: 'string', default: '64' },
    delay: { type: 'string', default: '5' },
    deadline: { type: 'string', default: '200' },
    threads: { type: 'string', default: '1' },
    repeats: { type: 'string' },
    seconds: { type: 'string' },
    limit: { type: 'string', default: '120' },
    quick: { type: 'boolean', default: false },
    python: { type: 'string', default: 'python3.11' },
    json: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit();
}
const log = (text) => console.error(text);
const { quick } = options;
const wanted = options.only?.split(',');
const unknown = wanted?.find((id) => !SERVERS.some((server) => server.id === id));
if (unknown !== undefined) {
  console.error(`no server ${unknown}; see --help`);
  process.exit(2);
}
const servers = SERVERS.filter(({ id }) => wanted === undefined || wanted.includes(id));
const repeats = Number(options.repeats ?? (quick ? 1 : 5));
const seconds = Number(options.seconds ?? (quick ? 1.5 : 8));
const context = {
  digits: await loadDigits(),
  environments: new Environments({ cache: resolve(options.cache), python: options.python, log }),
  settings: {
    size: Number(options.size),
    delayMs: Number(options.delay),
    deadlineMs: Number(options.deadline),
    threads: Number(options.threads),
  },
  seconds,
  warmUpSeconds: Math.min(seconds, 3),
  limitSeconds: Number(options.limit),
};
/** There is but one. */
const CASE = { key: 'digits' };
const results = new Results();
const load = [loadavg()[0]];
const startedAt = performance.now();
const machine = {
  date: new Date().toISOString().slice(0, 10),
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
};

// Exiting ends what is running, too: see support/process.mjs.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    print();
    process.exit(130);
  });
}

for (let repeat = 0; repeat < repeats; repeat++) {
  // Another one begins each time: whoever comes after a server finds the machine as that one left it.
  const order = servers.map((_, i) => servers[(i + repeat) % servers.length]);
  for (const server of order.filter((one) => results.failure(one, CASE) === undefined)) {
    try {
      const result = await measure(server, context);
      results.add(server, CASE, result);
      log(
        `${server.name}: ${result.capacity.perSecond.toFixed(0)}/s with ${result.capacity.clients} clients`,
      );
    } catch (error) {
      results.fail(server, CASE, error.message);
      log(`${server.name}: FAILED: ${error.message}`);
    }
    load.push(loadavg()[0]);
    if (options.json !== undefined)
      writeFileSync(
        options.json,
        JSON.stringify({ machine, ...context.settings, load, ...results.toJSON() }),
      );
  }
}
print();

/** What was measured, as Markdown. */
function print() {
  const sum = (counts) => Object.values(counts).reduce((all, count) => all + count, 0);
  const [at80, at200] = [0, 1].map((i) => (pick) => (result) => pick(result.loads[i], result));
  const columns = [
    ['saturated, 1/s', ({ capacity }) => capacity.perSecond],
    ['at 80 %: p50, ms', at80(({ latencyMs }) => latencyMs.p50)],
    ['p99, ms', at80(({ latencyMs }) => latencyMs.p99)],
    ['in time, %', at80(({ share }) => 100 * share)],
    ['at 200 %: p50, ms', at200(({ latencyMs }) => latencyMs.p50)],
    ['p99, ms', at200(({ latencyMs }) => latencyMs.p99)],
    ['in time, 1/s', at200(({ perSecond }) => perSecond)],
    ['÷ saturated', at200(({ perSecond }, { capacity }) => perSecond / capacity.perSecond)],
    ['refused, %', at200(({ due, refused }) => (100 * sum(refused)) / due)],
    ['failed, %', at200(({ due, failed, unanswered }) => (100 * (sum(failed) + unanswered)) / due)],
  ];
  const lines = servers.map((server) => [
    server.name,
    server.wire.about,
    ...columns.map(([, pick]) => cell(results, server, CASE, pick)),
  ]);
  const every = (pick) => servers.flatMap((server) => results.values(server, CASE, pick)).flat();
  const generators = every((result) => [result.capacity, ...result.loads].map(({ generator }) => generator));
  const most = (pick) => Math.max(0, ...generators.map(pick)).toFixed(2);
  const { size, delayMs, deadlineMs, threads } = context.settings;
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(0);
  const [least, highest] = [Math.min(...load), Math.max(...load)].map((value) => value.toFixed(1));
  console.log(
    [
      `${machine.date}, ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGiB} GiB, load average ${least} to ${highest}`,
      `${repeats} repeats of ${seconds} s a load, ${minutes} min; cells are medians (least – most)`,
      `batches of ${size}, ${delayMs} ms, ${threads} thread${threads === 1 ? '' : 's'}; deadline ${deadlineMs} ms`,
      results.versions.join(', '),
      `generator: busy ${most(({ utilization }) => utilization)} at most, late by ${most(({ lateMs }) => lateMs.p99)} ms at most (p99)`,
      '',
      markdown([['', 'requests', ...columns.map(([title]) => title)], ...lines]),
      '',
      ...results.failures().map((said) => `failed: ${said}`),
    ].join('\n'),
  );
}
