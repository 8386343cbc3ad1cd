// @ts-check
// `node scripts/newest-lts.mjs [vitest arguments]`: the command line and the tests on the newest Node.js LTS release,
// with the dependencies as they were installed by the Node that runs this (their native addons must load in both).
// The release comes from npm, into a temporary folder. The last line counts as that of scripts/test.mjs does.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from './build.mjs';
import { finish, isCi, root, run, startServices, step, vitest } from './steps.mjs';

/** What the built command line must be able to do without any data: one line an invocation. */
const SMOKE = [['--help']];

/**
 * The packages behind npm's `node`, which picks one of them in an install script; npm asks before it runs those.
 */
const PACKAGE = `${process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'}-${
  process.platform === 'win32' ? 'win' : process.platform
}-${process.arch}`;

/**
 * Neither npm nor the versions say which release is LTS, but the schedule does: a release line of April becomes LTS
 * at the end of October. Up to 26 there were two lines a year, of which the even ones became LTS; since then there is
 * one, named after the year.
 * @param {readonly string[]} versions
 * @param {Date} now
 */
export function newestLts(versions, now) {
  return versions
    .filter((version) => /^\d+\.\d+\.\d+$/.test(version))
    .filter((version) => {
      const major = Number.parseInt(version, 10);
      if (major <= 26 && major % 2 === 1) return false;
      const year = major <= 26 ? 2013 + major / 2 : 2000 + major;
      return now >= new Date(Date.UTC(year, 10, 1));
    })
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .at(-1);
}

/**
 * @param {string} folder where to put it
 * @returns {Promise<{ version: string, node: string }>}
 */
export async function installNewestLts(folder) {
  const npm = promisify(execFile);
  const options = { cwd: folder, shell: process.platform === 'win32', timeout: 120_000 };
  const { stdout } = await npm('npm', ['view', PACKAGE, 'versions', '--json'], options);
  const version = newestLts(JSON.parse(stdout), new Date());
  if (version === undefined) throw new Error(`npm has no LTS release of ${PACKAGE}`);
  const flags = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts'];
  await npm('npm', ['install', ...flags, `${PACKAGE}@${version}`], options);
  const binary = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node';
  return { version, node: join(folder, 'node_modules', PACKAGE, binary) };
}

/** @param {string} folder */
async function main(folder) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  /** @type {{ version: string, node: string } | undefined} */
  let lts;
  const installed = await step('newest LTS release of Node.js', async () => {
    try {
      lts = await installNewestLts(folder);
      console.log(`Node.js ${lts.version}`);
      return true;
    } catch (error) {
      console.log(error instanceof Error ? error.message : error);
      return false;
    }
  });
  if (!installed || lts === undefined) return { ...counts, ...(isCi ? { failed: 1 } : { skipped: 1 }) };
  const { node, version } = lts;

  if (!(await step('build', build))) return { ...counts, failed: 1 };
  const smoke = { passed: 0, failed: 0 };
  if (existsSync(join(root, 'dist/cli/main.js'))) {
    for (const args of SMOKE) {
      const passed = await step(`penstock ${args.join(' ')}`, () => run(node, ['dist/cli/main.js', ...args]));
      smoke[passed ? 'passed' : 'failed']++;
    }
  }
  const { env, missing } = await startServices();
  // For what a test starts as plain `node`.
  env.PATH = `${dirname(node)}${delimiter}${process.env.PATH}`;
  await step(`tests on Node.js ${version}`, async () => {
    // What takes minutes and asks nothing of Node that the others don't: the model of the slot protocol, which is spin's to
    // check, how time is told and measured, faults, pages in a browser, tools around the tests.
    const folders = ['model', 'bench', 'stalls', 'faults', 'page', 'fuzz', 'tooling'];
    const left = [...folders.map((folder) => `test/${folder}/**`), '**/node_modules/**'];
    const others = left.flatMap((pattern) => ['--exclude', pattern]);
    Object.assign(counts, await vitest(node, [...others, ...process.argv.slice(2)], env));
    return counts.failed === 0;
  });
  return {
    passed: counts.passed + smoke.passed,
    failed: counts.failed + smoke.failed + (isCi ? missing : 0),
    skipped: counts.skipped,
  };
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-node-'));
  let counts = { passed: 0, failed: 1, skipped: 0 };
  try {
    counts = await main(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  finish(counts);
}
