// @ts-check
// Checks the model of the slot protocol with spin: every configuration must be without error, and every mutation must be
// found.
//
//   node test/model/check.mjs            all of it, as a table
//   node test/model/check.mjs fixed …    only these: names of configurations or mutations (MUTATE_…); what was found is
//                                        shown step by step
//
// spin and gcc come from PATH, or from PENSTOCK_TEST_SPIN and PENSTOCK_TEST_GCC.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CONFIGURATIONS, MUTATIONS } from './configurations.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Nothing here takes longer; what does is not exhaustive. */
const LIMIT_MS = 60_000;
/** Steps in a row; a search that would go deeper says so, and is not exhaustive. */
const MAX_DEPTH = 50_000;
/** Lines of a run that led to an error. */
const TRAIL_LINES = 60;

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {import('./configurations.mjs').Configuration} configuration
 * @property {readonly string[]} defines
 * @property {'nothing' | 'assertion' | 'dead end'} expected
 * @property {string} what
 */

/**
 * @typedef {object} Result
 * @property {'nothing' | 'assertion' | 'dead end' | 'endless run' | 'failure'} found
 * @property {string} text what the verifier says of it
 * @property {boolean} exhaustive
 * @property {number} states
 * @property {number} depth
 * @property {number} seconds of the search alone
 * @property {number} megabytes
 * @property {string} trail the last steps before the error
 */

/** @typedef {{ spin: string, gcc: string }} Tools */

/** @type {Tools} */
export const TOOLS = {
  spin: process.env.PENSTOCK_TEST_SPIN || 'spin',
  gcc: process.env.PENSTOCK_TEST_GCC || 'gcc',
};

/** @returns {Check[]} */
export function allChecks() {
  return [
    ...CONFIGURATIONS.map((configuration) => check(configuration, '', 'nothing', configuration.what)),
    ...MUTATIONS.map(({ name, of, finds, what }) => check(byName(of), `MUTATE_${name}`, finds, what)),
  ];
}

/** @param {string} name */
function byName(name) {
  const found = CONFIGURATIONS.find((configuration) => configuration.name === name);
  if (found === undefined) throw new Error(`there is no configuration "${name}"`);
  return found;
}

/**
 * @param {import('./configurations.mjs').Configuration} configuration
 * @param {string} mutation empty for none
 * @param {Check['expected']} expected
 * @param {string} what
 * @returns {Check}
 */
function check(configuration, mutation, expected, what) {
  const { define } = configuration;
  const bounds = Object.entries(define).map(([name, value]) => `-D${name}=${value}`);
  const defines = mutation === '' ? bounds : [...bounds, `-D${mutation}`];
  return { name: mutation || configuration.name, configuration, defines, expected, what };
}

/**
 * @param {Check} check
 * @param {Tools} [tools]
 * @returns {Result}
 */
export function run({ configuration, defines, expected }, { spin, gcc } = TOOLS) {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-model-'));
  /** @type {(program: string, args: readonly string[]) => string} */
  const execute = (program, args) => {
    const options = /** @type {const} */ ({
      cwd: folder,
      encoding: 'utf8',
      timeout: LIMIT_MS,
      maxBuffer: 2 ** 28,
    });
    const { error, signal, stdout, stderr } = spawnSync(program, args, options);
    if (error !== undefined || signal !== null) return `failed: ${program}: ${error?.message ?? signal}\n`;
    return stdout + stderr;
  };
  try {
    for (const file of readdirSync(here).filter((name) => name.endsWith('.pml')))
      copyFileSync(join(here, file), join(folder, file));
    const model = `${configuration.model}.pml`;
    const preprocessor = `-P${gcc} -E -x c`;
    const written = execute(spin, [preprocessor, ...defines, '-a', model]);
    if (!existsSync(join(folder, 'pan.c'))) return failure(written);
    // Compiling well takes longer than searching a small model, or a broken one, badly.
    const speed = expected === 'nothing' && configuration.large ? '-Og' : '-O0';
    const kind = configuration.cycles ? '-DNP' : '-DSAFETY';
    const compiled = execute(gcc, [speed, '-w', '-DCOLLAPSE', kind, '-o', 'pan', 'pan.c']);
    if (!existsSync(join(folder, 'pan'))) return failure(compiled);
    const said = execute('./pan', [`-m${MAX_DEPTH}`, '-w23', ...(configuration.cycles ? ['-l'] : [])]);
    const result = parse(said);
    if (existsSync(join(folder, `${model}.trail`))) {
      const steps = execute(spin, [preprocessor, ...defines, '-t', '-p', model]);
      // Without the values of all variables at the end, each in a line of its own.
      const lines = steps.split('\n').filter((line) => line !== '' && !line.startsWith('\t\t'));
      result.trail = lines.slice(-TRAIL_LINES).join('\n');
    }
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} text
 * @returns {Result}
 */
function failure(text) {
  return {
    found: 'failure',
    text: text.trim(),
    exhaustive: false,
    states: 0,
    depth: 0,
    seconds: 0,
    megabytes: 0,
    trail: '',
  };
}

/**
 * What the verifier printed.
 * @param {string} said
 * @returns {Result}
 */
export function parse(said) {
  /** @type {(pattern: RegExp) => number} */
  const number = (pattern) => Number(pattern.exec(said)?.[1] ?? Number.NaN);
  const errors = number(/errors: (\d+)/);
  const text = /^pan:1: (.*) \(at depth/m.exec(said)?.[1] ?? '';
  /** @type {Result['found']} */
  let found = 'failure';
  if (errors === 0) found = 'nothing';
  else if (text.startsWith('assertion')) found = 'assertion';
  else if (text.startsWith('invalid end state')) found = 'dead end';
  else if (text.startsWith('non-progress cycle')) found = 'endless run';
  const cut = /max search depth too small|Search not completed|out of memory|-DMEMLIM|^failed: /m;
  return {
    found,
    text: found === 'failure' ? said.trim() : text,
    exhaustive: found === 'nothing' && !cut.test(said),
    states: number(/(\d+) states, stored/),
    depth: number(/depth reached (\d+)/),
    // Not printed where it rounds to nothing.
    seconds: number(/elapsed time ([\d.]+)/) || 0,
    megabytes: number(/([\d.]+)\s+total actual memory usage/),
    trail: '',
  };
}

/**
 * Whether the verifier said what it should.
 * @param {Check} check
 * @param {Result} result
 */
export function isAsExpected({ expected }, { found, exhaustive }) {
  return found === expected && (expected !== 'nothing' || exhaustive);
}

/** @param {readonly string[]} names */
function main(names) {
  const checks = allChecks().filter(({ name }) => names.length === 0 || names.includes(name));
  const unknown = names.filter((name) => !checks.some((check) => check.name === name));
  if (unknown.length > 0) {
    console.error(
      `unknown: ${unknown.join(', ')}; there are ${allChecks()
        .map(({ name }) => name)
        .join(', ')}`,
    );
    process.exitCode = 2;
    return;
  }
  const row = (/** @type {readonly unknown[]} */ cells) =>
    console.log(
      cells.map((cell, i) => (i === 0 ? String(cell).padEnd(33) : String(cell).padStart(11))).join(' '),
    );
  row(['', 'states', 'depth', 'seconds', 'MB', 'found']);
  for (const check of checks) {
    const result = run(check);
    const { found, text, exhaustive, states, depth, seconds, megabytes, trail } = result;
    row([check.name, states, depth, seconds.toFixed(2), Math.round(megabytes), found]);
    const asExpected = isAsExpected(check, result);
    if (!asExpected) {
      process.exitCode = 1;
      console.log(
        `  expected: ${check.expected}${found === 'nothing' && !exhaustive ? ', exhaustively' : ''}`,
      );
    }
    if (text !== '') console.log(`  ${text}`);
    if (trail !== '' && (!asExpected || names.length > 0)) console.log(trail);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
