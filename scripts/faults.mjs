// @ts-check
// `npm run test:faults`: the suite of faults at length, with 200 kills (or PENSTOCK_FAULTS of them) and a seed of its own
// that it prints; and what happens to workers of a queue, with longer and worse of it than in `npm test`.
// `PENSTOCK_FAULTS_SEED=S npm run test:faults`: the same again. Arguments are handed to vitest: a part of it.
import { build } from './build.mjs';
import { ensure, variableOf } from './services.mjs';
import { run, TOOLS } from './steps.mjs';

process.env.PENSTOCK_FAULTS ??= '200';
process.env.PENSTOCK_FAULTS_SEED ??= String(Date.now() % 1_000_000);
console.log(
  `PENSTOCK_FAULTS=${process.env.PENSTOCK_FAULTS} PENSTOCK_FAULTS_SEED=${process.env.PENSTOCK_FAULTS_SEED}`,
);
const redis = await ensure('redis');
if ('path' in redis) process.env[variableOf('redis')] = redis.path;
else console.log(`no redis-server: ${redis.reason}`);

const node = process.execPath;
const args = process.argv.slice(2);
const suites =
  args.length > 0
    ? [['--project', 'faults', '--project', 'tests', ...args]]
    : [
        ['--project', 'faults'],
        ['--project', 'tests', 'test/cluster/system'],
      ];
let passed = await build();
if (passed) {
  for (const suite of suites) {
    passed = (await run(node, [TOOLS.vitest, 'run', ...suite])) && passed;
  }
}
process.exitCode = passed ? 0 : 1;
