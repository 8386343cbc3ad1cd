// @ts-check
// `npm run test:mutation [-- FILE…]`: Stryker breaks src/ring and src/measure in one small way after another, and counts how
// often a test notices (test/mutation/README.md). With files, those alone. What has not changed since the last run keeps its
// result (tmp/mutation).
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensure, variableOf } from './services.mjs';
import { root, run, step } from './steps.mjs';

const folder = join(root, 'test/mutation');
const stryker = join(folder, 'node_modules/@stryker-mutator/core/bin/stryker.js');

/** @param {readonly string[]} args */
function npm(args) {
  const cli = process.env.npm_execpath;
  return cli === undefined ? run('npm', args) : run(process.execPath, [cli, ...args]);
}

/** Tests of NVML compile a stand-in for it, where there is a compiler. */
async function environment() {
  const gcc = await ensure('gcc');
  return 'path' in gcc ? { ...process.env, [variableOf('gcc')]: gcc.path } : process.env;
}

/** @param {readonly string[]} files */
async function main(files) {
  const isThere =
    existsSync(stryker) ||
    (await step('Stryker', () => npm(['ci', '--prefix', folder, '--no-audit', '--no-fund'])));
  if (!isThere) return false;
  const only = files.length > 0 ? ['--mutate', files.join(',')] : [];
  const args = [stryker, 'run', join(folder, 'stryker.config.mjs'), ...only];
  return run(process.execPath, args, await environment());
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
