// @ts-check
// `npm run test:mutation [-- FILE…]`: Stryker breaks src/ring and src/measure in one small way after another, and counts how
// often a test notices (test/mutation/README.md). With files, those alone. What has not changed since the last run keeps its
// result (tmp/mutation).
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, step } from './steps.mjs';

const folder = join(root, 'test/mutation');
const stryker = join(folder, 'node_modules/@stryker-mutator/core/bin/stryker.js');

/** @param {readonly string[]} args */
function npm(args) {
  const cli = process.env.npm_execpath;
  return cli === undefined ? run('npm', args) : run(process.execPath, [cli, ...args]);
}

/** @param {readonly string[]} files */
async function main(files) {
  const isThere =
    existsSync(stryker) ||
    (await step('Stryker', () => npm(['ci', '--prefix', folder, '--no-audit', '--no-fund'])));
  if (!isThere) return false;
  const only = files.length > 0 ? ['--mutate', files.join(',')] : [];
  return run(process.execPath, [stryker, 'run', join(folder, 'stryker.config.mjs'), ...only]);
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
