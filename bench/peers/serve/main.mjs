// How do servers compare that answer the same requests with the same model on the CPU? `npm run bench:serve-peers`
import { writeFileSync } from 'node:fs';
import { homedir, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { optionsOf } from '../../../scripts/options.mjs';
import { Environments } from '../support/environments.mjs';
import { chosen, machineOf, printWhenInterrupted, rotated } from '../support/main.mjs';
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

const { values: options } = optionsOf({
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
const servers = chosen(SERVERS, options.only, 'server');
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
const machine = machineOf();

printWhenInterrupted(print);

for (let repeat = 0; repeat < repeats; repeat++) {
  for (const server of rotated(servers, repeat).filter((one) => results.failure(one, CASE) === undefined)) {
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
  const { size, delayMs, deadlineMs, threads } = context.settings;
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(0);
  const [least, highest] = [Math.min(...load), Math.max(...load)].map((value) => value.toFixed(1));
  console.log(
    [
      `${machine.date}, ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGiB} GiB, load average ${least} to ${highest}`,
      `${repeats} repeats of ${seconds} s a load, ${minutes} min; cells are medians (least – most)`,
      `batches of ${size}, ${delayMs} ms, ${threads} thread${threads === 1 ? '' : 's'}; deadline ${deadlineMs} ms`,
      results.versions.join(', '),
      '',
      markdown([['', 'requests', ...columns.map(([title]) => title)], ...lines]),
      '',
      ...results.failures().map((said) => `failed: ${said}`),
      ...servers.flatMap(lateness),
    ].join('\n'),
  );
}

/** Where the generator could not keep up, which is in the latencies: it has the same cores as the server. */
function lateness(server) {
  return [0, 1].flatMap((i) => {
    const generators = results.values(server, CASE, ({ loads }) => loads[i].generator);
    const [late, busy] = [({ lateMs }) => lateMs.p99, ({ utilization }) => utilization].map((pick) =>
      Math.max(0, ...generators.map(pick)),
    );
    if (late <= context.settings.deadlineMs / 10 && busy <= 0.9) return [];
    const share = `${(100 * busy).toFixed(0)} % busy`;
    return [`generator: ${server.name} at ${[80, 200][i]} %: ${late.toFixed(0)} ms late (p99), ${share}`];
  });
}
