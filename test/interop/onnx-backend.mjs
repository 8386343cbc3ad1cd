// @ts-check
// ONNX's own tests of its operators, run by Penstock's session over shared memory:
// `node test/interop/onnx-backend.mjs FOLDER [--update]`, where FOLDER is onnx/backend/test/data/node of the Python package
// onnx. They run in processes of their own, so that a crash of native code takes one test along and no more. What does not
// pass must be what onnx-backend.json lists, for the reason that stands there; --update writes that file anew.
import { fork } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { finish } from '../../scripts/steps.mjs';

const EXPECTED = new URL('./onnx-backend.json', import.meta.url);
/** None takes longer than a second. */
const PATIENCE_MS = 60_000;
const CHILD = new URL('./onnx-backend-child.mjs', import.meta.url);

/** @typedef {{ name: string, why: string }} Result nothing in `why` where it passed */

/**
 * What messages say of one model, and the reason that many have in common.
 * @type {readonly (readonly [RegExp, (...parts: string[]) => string])[]}
 */
const REASONS = [
  // StringNormalizer wants a locale that a machine may lack; where it is there, the output is what is not supported.
  [/Failed to construct locale/, () => 'not supported: a tensor of string as an output'],
  [/^an output is (.+)/, (what) => `not supported: ${what} as an output`],
  [/the input \S+ is (a tensor of \w+|no tensor)/, (what) => `not supported: ${what} as an input`],
  [/has an input or output of (\w+), /, (what) => `not supported: a tensor of ${what}`],
  [
    /(?:find an implementation|find kernel) for (\w+)\((\d+)\)/,
    (operator, version) =>
      `not implemented in ONNX Runtime: ${operator} of version ${version} for these types`,
  ],
  [
    /([\w.:]+)\(-?\d+\) is not a registered function/,
    (operator) => `not implemented in ONNX Runtime: ${operator}`,
  ],
  [
    /Batchwise recurrent operations/,
    () => 'not implemented in ONNX Runtime: recurrent operators with layout 1',
  ],
  [/running (\w+) node/, (operator) => `refused by ONNX Runtime’s ${operator}`],
];

/** @param {string} why */
function reasonOf(why) {
  for (const [said, reason] of REASONS) {
    const match = said.exec(why);
    if (match !== null) return /** @type {(...groups: string[]) => string} */ (reason)(...match.slice(1));
  }
  return why;
}

/**
 * @param {string} folder
 * @param {readonly string[]} names
 * @returns {Promise<Result[]>}
 */
async function runAll(folder, names) {
  const queue = [...names];
  /** @type {Result[]} */
  const results = [];
  const work = async () => {
    while (queue.length > 0) await runChild(folder, queue, results);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return results.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Until the queue is empty, or the process has died over a test.
 * @param {string} folder
 * @param {string[]} queue
 * @param {Result[]} results
 * @returns {Promise<void>}
 */
function runChild(folder, queue, results) {
  return new Promise((done) => {
    const child = fork(CHILD, [folder]);
    /** @type {string | undefined} */
    let current;
    let timer = setTimeout(() => {}, 0);
    const next = () => {
      clearTimeout(timer);
      timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
      current = queue.shift();
      if (current === undefined) child.disconnect();
      else child.send(current);
    };
    child.on('message', (message) => {
      const { name, why } = /** @type {Result} */ (message);
      results.push({ name, why: reasonOf(why) });
      next();
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      const why = `CRASHED: the process ended with ${signal ?? `code ${code}`}`;
      if (current !== undefined) results.push({ name: current, why });
      else if (code !== 0) results.push({ name: 'the end of the process', why });
      done();
    });
    next();
  });
}

/**
 * @param {readonly Result[]} results
 * @returns {Record<string, string[]>}
 */
function byReason(results) {
  /** @type {Record<string, string[]>} */
  const groups = {};
  for (const { name, why } of results) {
    if (why === '') continue;
    groups[why] ??= [];
    groups[why].push(name);
  }
  return Object.fromEntries(Object.entries(groups).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whether a test is as it should be: what only some processors compute otherwise may pass on others. */
const isExpected = (/** @type {string} */ expected, /** @type {string} */ why) =>
  why === expected || (why === '' && expected.startsWith('ONNX Runtime computes'));

/**
 * @param {string} folder
 * @param {boolean} [update] whether to write down what is seen as what is expected
 * @returns {Promise<import('../../scripts/steps.mjs').Counts>} what is listed counts as skipped, what differs as failed
 */
export async function onnxBackend(folder, update = false) {
  const names = readdirSync(folder).filter((name) => name.startsWith('test_'));
  const results = await runAll(folder, names);
  const groups = byReason(results);
  for (const [reason, tests] of Object.entries(groups))
    console.log(`${String(tests.length).padStart(5)}  ${reason}`);
  if (update) writeFileSync(EXPECTED, `${JSON.stringify(groups, undefined, 2)}\n`);
  /** @type {Record<string, string[]>} */
  const listed = JSON.parse(readFileSync(EXPECTED, 'utf8'));
  const expected = new Map(
    Object.entries(listed).flatMap(([why, tests]) => tests.map((name) => [name, why])),
  );
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const seen = new Map(results.map(({ name, why }) => [name, why]));
  for (const name of new Set([...seen.keys(), ...expected.keys()])) {
    const should = expected.get(name) ?? '';
    const is = seen.get(name);
    if (is === undefined || !isExpected(should, is)) {
      counts.failed++;
      console.log(
        `${name}: ${is === undefined ? 'was not run' : is || 'passed'}; expected: ${should || 'to pass'}`,
      );
    } else if (is === '') counts.passed++;
    else counts.skipped++;
  }
  console.log(
    `ONNX's tests: ${counts.passed} passed, ${counts.failed} otherwise than expected, ${counts.skipped} listed`,
  );
  return counts;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  finish(await onnxBackend(process.argv[2] ?? '', process.argv.includes('--update')));
}
