// How fast are the ways in which people do this today, over the same files and with the same model? `npm run bench:peers`
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { optionsOf } from '../../scripts/options.mjs';
import { memcpySpeed } from '../support/memcpy.mjs';
import { formatTable } from '../support/table.mjs';
import { barsOf } from './support/bars.mjs';
import { checkCases, endToEndCases, loaderCases } from './support/cases.mjs';
import { Data } from './support/data.mjs';
import { Environments } from './support/environments.mjs';
import { chosen, machineOf, printWhenInterrupted, rotated } from './support/main.mjs';
import { expectSums, measure } from './support/measure.mjs';
import { PEERS, reads } from './support/peers.mjs';
import { Results } from './support/results.mjs';
import { tablesOf } from './support/tables.mjs';

const HELP = `usage: node bench/peers/main.mjs [options]

  --cache DIR        environments and data; several gigabytes (default: ~/.cache/penstock-peers)
  --only ID,…        some peers: ${PEERS.map(({ id }) => id).join(', ')}
  --tables NAME,…    loader, end-to-end (default: both)
  --formats NAME,…   arrow, parquet (default: both)
  --sizes N,…        rows in a batch (default: 64,512)
  --rows N           rows of the data, a multiple of 4096 (default: 200704)
  --repeats N        (default: 5)
  --seconds N        that a loader is looked at for each consumer (default: 2)
  --limit N          seconds after which a process is given up (default: 600)
  --quick            24576 rows, one repeat, half a second: does everything run?
  --no-check         leave out whether everybody reads the same rows
  --python PROGRAM   makes the environments (default: python3.11)
  --torch-index URL  pip's index of torch: its wheels for the CPU alone are far smaller
  --json FILE        all that was measured
  --help`;

const { values: options } = optionsOf({
  options: {
    cache: { type: 'string', default: join(homedir(), '.cache', 'penstock-peers') },
    only: { type: 'string' },
    tables: { type: 'string', default: 'loader,end-to-end' },
    formats: { type: 'string', default: 'arrow,parquet' },
    sizes: { type: 'string', default: '64,512' },
    rows: { type: 'string' },
    repeats: { type: 'string' },
    seconds: { type: 'string' },
    limit: { type: 'string', default: '600' },
    quick: { type: 'boolean', default: false },
    'no-check': { type: 'boolean', default: false },
    python: { type: 'string', default: 'python3.11' },
    'torch-index': { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit();
}
const list = (text) => text.split(',').filter((word) => word !== '');
const log = (text) => console.error(text);

const { quick } = options;
const peers = chosen(PEERS, options.only, 'peer');
const tables = list(options.tables);
const formats = list(options.formats);
const sizes = list(options.sizes).map(Number);
const rows = Number(options.rows ?? (quick ? 24_576 : 200_704));
const repeats = Number(options.repeats ?? (quick ? 1 : 5));
const seconds = Number(options.seconds ?? (quick ? 0.5 : 2));
// So that all copies together stay as long when there are fewer rows.
const factor = Math.max(1, Math.round(200_704 / rows));
const cache = resolve(options.cache);
mkdirSync(cache, { recursive: true });

const environments = new Environments({
  cache,
  python: options.python,
  torchIndex: options['torch-index'],
  log,
});
const data = await Data.open({ cache, rows, environments, log });
const context = { cache, data, environments, seconds, limitSeconds: Number(options.limit) };
const loader = tables.includes('loader')
  ? loaderCases({ formats, sizes }).map((one) => ({ ...one, copies: one.copies * factor }))
  : [];
const endToEnd = tables.includes('end-to-end')
  ? endToEndCases({ formats, sizes, copies: quick ? { light: 2, digits: 1 } : { light: 12, digits: 1 } })
  : [];
const cases = [...loader, ...endToEnd];
const results = new Results();
const load = [loadavg()[0]];
const startedAt = performance.now();
const machine = {
  ...machineOf(),
  node: process.version,
  memcpy: memcpySpeed(),
  python: versionOf(options.python),
};

printWhenInterrupted(print);

async function attempt(peer, one) {
  const begin = performance.now();
  try {
    const result = await measure(peer, one, context);
    log(`${one.key}: ${peer.name}: ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    return result;
  } catch (error) {
    results.fail(peer, one, error.message);
    log(`${one.key}: ${peer.name}: FAILED: ${error.message}`);
    return undefined;
  }
}

/** Peers that read other rows than there are take no part. */
const disqualified = new Map();
if (!options['no-check']) {
  for (const { peer, one } of checkCases({ formats, peers })) {
    if ((await attempt(peer, one)) === undefined)
      disqualified.set(`${peer.id}/${one.format}`, results.failure(peer, one));
  }
}

/** Outputs of the first that ran a case: the others' must add up to the same. */
const expected = new Map();
for (let repeat = 0; repeat < repeats; repeat++) {
  for (const one of cases) {
    for (const peer of rotated(peers, repeat).filter((candidate) => reads(candidate, one.format))) {
      const reason = disqualified.get(`${peer.id}/${one.format}`) ?? results.failure(peer, one);
      if (reason !== undefined) {
        results.fail(peer, one, reason);
        continue;
      }
      const result = await attempt(peer, one);
      if (result === undefined) continue;
      try {
        const { output, ...measured } = result;
        if (output !== undefined) {
          if (!expected.has(one.key)) expected.set(one.key, output);
          expectSums(output, expected.get(one.key), 1e-4);
        }
        results.add(peer, one, measured);
      } catch (error) {
        results.fail(peer, one, `outputs: ${error.message}`);
      }
    }
    load.push(loadavg()[0]);
    save();
  }
}

print();

/** What was measured so far, for programs. */
function save() {
  if (options.json === undefined) return;
  const bars = barsOf({ results, peers, loader, endToEnd });
  writeFileSync(options.json, JSON.stringify({ machine, rows, repeats, load, bars, ...results.toJSON() }));
}

/** The same for people, as Markdown. */
function print() {
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(0);
  const [least, most] = [Math.min(...load), Math.max(...load)].map((value) => value.toFixed(1));
  const { width, dtype } = data.about('vectors');
  const rowBytes = width * { float32: 4, uint8: 1 }[dtype];
  const bars = barsOf({ results, peers, loader, endToEnd });
  console.log(
    [
      `${machine.date}, ${machine.memoryGiB} GiB, ${machine.python}, ${repeats} repeats, ${minutes} min`,
      `${rows} rows of ${dtype}[${width}], and of uint8[784] for the digits`,
      `load average ${least} to ${most}`,
      results.versions.join(', '),
      '',
      tablesOf({ results, peers, loader, endToEnd, rowBytes }),
      '',
      ...(bars.length > 0 ? [formatTable(machine, bars), ''] : []),
      ...results.failures().map((said) => `failed: ${said}`),
    ].join('\n'),
  );
}

function versionOf(python) {
  return execFileSync(python, ['--version'], { encoding: 'utf8' }).trim();
}
