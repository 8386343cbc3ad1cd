// @ts-check
// `npm run coverage [-- vitest arguments]`: which lines of src the tests run, room by room, and in coverage/index.html line
// by line. Whatever process or thread runs them counts: command lines, servers, producers, consumers and sinks, too; but for
// those that are killed, which can't tell, and what runs in a browser.
//
//   npm run coverage                    all tests but those that look at time and at faults; a good quarter of an hour
//   npm run coverage -- test/ring       some of them
//   npm run coverage -- --quick         the tests of the rooms by themselves, in a minute or two: what CI prints
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { build } from './build.mjs';
import { root, run, startServices, TOOLS } from './steps.mjs';

/** Rooms with tests that take seconds, most of them within their own process. */
const QUICK = 'util clock dataset ring produce session consume sink measure job'.split(' ');
const REPORT = join(root, 'coverage');
const SUMMARY = join(REPORT, 'coverage-summary.json');
const BUILD_INFO = join(root, 'dist/.tsbuildinfo');

/**
 * @typedef {{ lines: { total: number, covered: number } }} FileSummary
 */

/**
 * @param {readonly string[]} args
 * @returns {Promise<boolean>} whether all tests passed
 */
async function main(args) {
  if (!(await build())) return false;
  const isQuick = args.includes('--quick');
  const given = args.filter((arg) => arg !== '--quick');
  const wanted = isQuick ? QUICK.map((room) => `test/${room}/`) : given;
  const folder = mkdtempSync(join(tmpdir(), 'penstock-coverage-'));
  const results = `${folder}.json`;
  const { atime, mtime } = statSync(BUILD_INFO);
  rmSync(SUMMARY, { force: true });
  try {
    // As if tsc alone had built it: threads run modules, which have source maps, not the files that are made of them.
    utimesSync(BUILD_INFO, new Date(), new Date());
    const { env } = await startServices();
    const passed = await run(
      process.execPath,
      [
        ...[TOOLS.vitest, 'run', '--project', 'tests', '--coverage', '--coverage.reporter', 'json-summary'],
        ...['--reporter', 'json', '--outputFile', results],
        // Whoever asks for the whole of it waits long, and then looks for what is missing.
        ...(isQuick ? ['--silent=true'] : ['--coverage.reporter', 'html', '--reporter', 'dot']),
        ...wanted,
      ],
      { ...process.env, ...env, PENSTOCK_COVERAGE: folder },
    );
    if (!passed) printFailed(results);
    return passed;
  } finally {
    utimesSync(BUILD_INFO, atime, mtime);
    for (const made of [folder, results]) rmSync(made, { recursive: true, force: true });
    if (existsSync(SUMMARY)) print(JSON.parse(readFileSync(SUMMARY, 'utf8')), isQuick ? QUICK : undefined);
  }
}

/** @param {string} results of vitest, as JSON */
function printFailed(results) {
  if (!existsSync(results)) return;
  /** @type {{ testResults: { name: string, assertionResults: { status: string, fullName: string }[] }[] }} */
  const { testResults } = JSON.parse(readFileSync(results, 'utf8'));
  for (const { name, assertionResults } of testResults) {
    for (const { fullName } of assertionResults.filter(({ status }) => status === 'failed')) {
      console.log(`failed: ${relative(root, name)}: ${fullName}`);
    }
  }
}

/**
 * One line for each room. Lines alone: a module that was run both from src and as it was built has branches of both.
 * @param {Record<string, FileSummary>} files
 * @param {readonly string[]} [shown] rooms whose tests ran; without it all
 */
function print({ total: _, ...files }, shown) {
  /** @type {Map<string, FileSummary[]>} */
  const rooms = new Map();
  for (const [file, summary] of Object.entries(files)) {
    const [, room = '', ...rest] = relative(root, file).split(sep);
    if (rest.length === 0 || shown?.includes(room) === false) continue;
    rooms.set(room, [...(rooms.get(room) ?? []), summary]);
  }
  console.log(`\n${'coverage'.padEnd(10)}${'files'.padStart(6)}${'lines'.padStart(8)}${'run'.padStart(10)}`);
  const line = (/** @type {string} */ name, /** @type {FileSummary[]} */ summaries) => {
    const total = summaries.reduce((sum, { lines }) => sum + lines.total, 0);
    const covered = summaries.reduce((sum, { lines }) => sum + lines.covered, 0);
    const share = `${((covered / Math.max(total, 1)) * 100).toFixed(1)} %`;
    console.log(
      `${name.padEnd(10)}${String(summaries.length).padStart(6)}${String(total).padStart(8)}${share.padStart(10)}`,
    );
  };
  for (const [room, summaries] of [...rooms].sort()) line(room, summaries);
  line(shown === undefined ? 'all' : 'these', [...rooms.values()].flat());
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
