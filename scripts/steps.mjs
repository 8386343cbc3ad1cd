// @ts-check
// What scripts/test.mjs and scripts/newest-lts.mjs share: running a tool as a step with a heading and its time,
// running vitest, and counting.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensure, SERVICES, variableOf } from './services.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const isCi = process.env.CI === 'true';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** A package's own script, run by `node` itself: no shell, no npx, the same on every system. */
export const TOOLS = {
  tsc: 'node_modules/typescript/bin/tsc',
  biome: 'node_modules/@biomejs/biome/bin/biome',
  depcruise: 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
  vitest: 'node_modules/vitest/vitest.mjs',
};

/**
 * @param {string} heading
 * @param {() => boolean | Promise<boolean>} action whether it passed
 */
export async function step(heading, action) {
  console.log(`\n── ${heading}`);
  const start = performance.now();
  const passed = await action();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`── ${heading}: ${passed ? 'passed' : 'FAILED'} in ${seconds} s`);
  return passed;
}

/**
 * Runs a program in the repository's root; its output goes where ours goes.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<boolean>} whether it ended with exit code 0
 */
export function run(program, args, env = process.env) {
  return new Promise((done) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', (error) => {
      console.log(`${program} does not start: ${error.message}`);
      done(false);
    });
    child.on('close', (code, signal) => {
      if (signal !== null) console.log(`${program} was ended by ${signal}`);
      done(code === 0);
    });
  });
}

/**
 * Finds or installs every service, says so, and counts: where one is missing, the tests that need it skip, and on CI
 * that is a failure, since there a test that never runs would go unnoticed.
 * @returns {Promise<{ env: Record<string, string>, missing: number }>}
 */
export async function startServices() {
  /** @type {Record<string, string>} */
  const env = {};
  let missing = 0;
  for (const { name, whatFor } of SERVICES) {
    const answer = await ensure(name);
    if ('path' in answer) {
      env[variableOf(name)] = answer.path;
      console.log(`${name}: ${answer.path}`);
    } else {
      missing++;
      console.log(`skipped: ${name} (${whatFor}): ${answer.reason}`);
    }
  }
  return { env, missing };
}

/**
 * @param {string} node the Node that vitest and the tests run on
 * @param {readonly string[]} args
 * @param {Record<string, string>} env
 * @returns {Promise<Counts>}
 */
export async function vitest(node, args, env) {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-test-'));
  try {
    const results = join(folder, 'results.json');
    const reporters = ['default', join(root, 'scripts/skipped-reporter.mjs'), 'json'];
    const ended = await run(
      node,
      [
        TOOLS.vitest,
        'run',
        ...reporters.map((reporter) => `--reporter=${reporter}`),
        `--outputFile.json=${results}`,
        ...args,
      ],
      { ...process.env, ...env },
    );
    return count(read(results), ended);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} path */
function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * @typedef {object} Results the part of vitest's JSON report that counts
 * @property {{ name: string, status: string, assertionResults: { status: string }[] }[]} testResults
 */

/**
 * A test counts as what vitest says of it, and as failed where it was begun and never ended. What fails without being
 * a test counts as one failed: a file that does not load or whose hooks fail, and a run that fails though every test
 * passed (an error that nobody caught), or that wrote no results.
 * @param {Results | undefined} results
 * @param {boolean} ended whether vitest's exit code was 0
 * @returns {Counts}
 */
export function count(results, ended) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { status, assertionResults } of results?.testResults ?? []) {
    let failed = 0;
    for (const test of assertionResults) {
      if (test.status === 'passed') counts.passed++;
      else if (test.status === 'skipped' || test.status === 'todo') counts.skipped++;
      else failed++;
    }
    counts.failed += failed === 0 && status === 'failed' ? 1 : failed;
  }
  if (counts.failed === 0 && (results === undefined || !ended)) counts.failed = 1;
  return counts;
}

/**
 * The last line, which .ci/run adds up, and the exit code.
 * @param {Counts} counts
 */
export function finish({ passed, failed, skipped }) {
  process.exitCode = failed === 0 ? 0 : 1;
  console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
}
