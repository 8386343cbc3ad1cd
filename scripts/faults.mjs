// @ts-check
// `npm run test:faults`: the suite of faults at length, with 200 kills (or PENSTOCK_FAULTS of them) and a seed of its own
// that it prints. `PENSTOCK_FAULTS_SEED=S npm run test:faults`: the same again.
import { build } from './build.mjs';
import { run, TOOLS } from './steps.mjs';

process.env.PENSTOCK_FAULTS ??= '200';
process.env.PENSTOCK_FAULTS_SEED ??= String(Date.now() % 1_000_000);
console.log(
  `PENSTOCK_FAULTS=${process.env.PENSTOCK_FAULTS} PENSTOCK_FAULTS_SEED=${process.env.PENSTOCK_FAULTS_SEED}`,
);

const node = process.execPath;
const built = await build();
const tested =
  built && (await run(node, [TOOLS.vitest, 'run', '--project', 'faults', ...process.argv.slice(2)]));
process.exitCode = tested ? 0 : 1;
