// @ts-check
// `npm run coverage [-- vitest arguments]`: which lines of src the tests run, room by room, and in coverage/index.html line
// by line. Whatever process or thread runs them counts: command lines, servers, producers, consumers and sinks, too; but for
// those that are killed, which can't tell, and what runs in a browser.
//
//   npm run coverage                    all tests but those that look at time and at faults; a good quarter of an hour
//   npm run coverage -- test/ring       some of them
//   npm run coverage -- --quick         the tests of the rooms by themselves, in about a minute: what CI prints
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { build } from './build.mjs';
import { root, run, startServices, TOOLS } from './steps.mjs';

/** Rooms with tests that take seconds, most of them within their own process. */
const QUICK = [
  ...[
    'util',
    'clock',
    'storage',
    'dataset',
    'ring',
    'produce',
    'session',
    'consume',
    'sink',
    'measure',
    'job',
  ],
  ...['serve', 'stress'],
];
const REPORT = join(root, 'coverage');
const SUMMARY = join(REPORT, 'coverage-summary.json');
const BUILD_INFO = join(root, 'dist/.tsbuildinfo');

/**
 * @typedef {{ total: number, covered: number }} Count
 * @typedef {{ lines: Count, functions: Count, branches: Count }} FileSummary
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
  const { atime, mtime } = statSync(BUILD_INFO);
  rmSync(SUMMARY, { force: true });
  try {
    // As if tsc alone had built it: threads run modules, which have source maps, not the files that are made of them.
    utimesSync(BUILD_INFO, new Date(), new Date());
    const { env } = await startServices();
    const reporters = ['json-summary', ...(isQuick ? [] : ['html'])];
    return await run(
      process.execPath,
      [
        ...[TOOLS.vitest, 'run', '--project', 'tests', '--coverage', '--reporter', 'dot'],
        ...reporters.map((reporter) => `--coverage.reporter=${reporter}`),
        ...wanted,
      ],
      { ...process.env, ...env, PENSTOCK_COVERAGE: folder },
    );
  } finally {
    utimesSync(BUILD_INFO, atime, mtime);
    rmSync(folder, { recursive: true, force: true });
    if (existsSync(SUMMARY)) print(JSON.parse(readFileSync(SUMMARY, 'utf8')));
  }
}

/**
 * One line for each room.
 * @param {Record<string, FileSummary>} files
 */
function print({ total: _, ...files }) {
  /** @type {Map<string, FileSummary[]>} */
  const rooms = new Map();
  for (const [file, summary] of Object.entries(files)) {
    const [, room = '', ...rest] = relative(root, file).split(sep);
    if (rest.length > 0) rooms.set(room, [...(rooms.get(room) ?? []), summary]);
  }
  console.log(
    `\n${'coverage'.padEnd(10)}${'files'.padStart(7)}${'lines'.padStart(14)}${'branches'.padStart(10)}`,
  );
  const line = (/** @type {string} */ name, /** @type {FileSummary[]} */ summaries) => {
    const lines = summaries.map((summary) => summary.lines);
    const count = lines.reduce((sum, { total }) => sum + total, 0);
    const shares = [
      percent(lines).padStart(7),
      percent(summaries.map(({ branches }) => branches)).padStart(10),
    ];
    console.log(
      `${name.padEnd(10)}${String(summaries.length).padStart(7)}${String(count).padStart(7)}${shares.join('')}`,
    );
  };
  for (const [room, summaries] of [...rooms].sort()) line(room, summaries);
  line('all', [...rooms.values()].flat());
}

/** @param {readonly Count[]} counts */
function percent(counts) {
  const total = counts.reduce((sum, count) => sum + count.total, 0);
  const covered = counts.reduce((sum, count) => sum + count.covered, 0);
  return total === 0 ? '–' : `${((covered / total) * 100).toFixed(1)} %`;
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
