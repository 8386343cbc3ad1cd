// @ts-check
// `npm run docs`: writes the references in docs/ that are made of descriptions and docstrings in src, by way of the build, and
// of the lock file.
// A test fails where a reference is not what this would write now.
//
//   node scripts/docs.mjs            after a build: write them
//   node scripts/docs.mjs --check    write nothing; exit code 1 where one is not as it should be
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { dependencies } from './docs/dependencies.mjs';
import { exportReference } from './docs/exports.mjs';
import { fieldsOf, fieldTables } from './docs/fields.mjs';
import { keyReference } from './docs/keys.mjs';
import { GENERATED, page } from './docs/markdown.mjs';
import { declarations } from './docs/program.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * All that is generated: path from the root of the repository → text.
 * @returns {Promise<ReadonlyMap<string, string>>}
 */
export async function references() {
  const { jobJsonSchema, serveJsonSchema } = await import(pathToFileURL(join(root, 'dist/index.js')).href);
  const library = declarations();
  return new Map([
    ['docs/schema/job.json', json(jobJsonSchema())],
    ['docs/schema/serve.json', json(serveJsonSchema())],
    ['docs/job-file.md', jobFile(jobJsonSchema())],
    ['docs/serve-file.md', serveFile(serveJsonSchema())],
    ['docs/report-reference.md', reportReference(library)],
    ['docs/api.md', apiReference(library)],
    ['docs/dependencies.md', dependencies()],
  ]);
}

/**
 * As `penstock schema` prints it.
 * @param {unknown} schema
 */
function json(schema) {
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** @param {import('./docs/keys.mjs').Schema} schema */
function jobFile(schema) {
  return keyReference({
    title: 'The job file',
    schema,
    intro: [
      'What `penstock run`, `penstock bench` and `loadJob` read: YAML or JSON, every key of it here. Relative paths start at the folder of the file, and `~/` is your home. `--set key.path=value` changes a key for one run, and `penstock schema` prints all this for [editors](how-to/editors.md).',
      [
        '```yaml',
        'source:',
        '  uri: digits.arrow # a file, a directory, a glob, or a URL',
        'model:',
        '  uri: digits.onnx',
        'inputs:',
        '  image: { column: pixels, shape: [1, 28, 28], scale: 0.00392156862745098 } # of the model → of the data',
        'batch: { size: 64 }',
        'sink:',
        '  uri: out/digits',
        '  format: parquet',
        '  keep: [id, label]',
        '```',
      ].join('\n'),
      'What is behind the keys: [inputs](collate.md), [models](models.md), [transforms](transforms.md), [isolation](isolation.md), [Parquet and filters](parquet.md), [outputs and resume](outputs.md), [what `auto` chooses](stalls.md#auto). In code the same object is the type `JobInput`.',
    ],
  });
}

/** @param {import('./docs/keys.mjs').Schema} schema */
function serveFile(schema) {
  return keyReference({
    title: 'The configuration of penstock serve',
    schema,
    elsewhere: {
      'models.NAME.model': 'Its keys are those of a job file: see [`model`](job-file.md#model).',
    },
    intro: [
      'What `penstock serve`, `penstock stress` and `loadServeConfig` read: YAML or JSON, every key of it here. Relative paths start at the folder of the file, and `~/` is your home. `--set key.path=value` changes a key, and `penstock schema serve` prints all this for [editors](how-to/editors.md). What is behind it: [serve.md](serve.md).',
      [
        '```yaml',
        'models:',
        '  digits:',
        '    model: { uri: digits.onnx }',
        '    endpoints:',
        '      digits: { deadlineMs: 1000 } # for people who wait',
        '      digits-bulk: { priority: 2 } # for whoever has time',
        '```',
      ].join('\n'),
    ],
  });
}

/** @param {import('./docs/program.mjs').Declarations} library */
function reportReference(library) {
  const exported = library.exportsOf('index');
  const named = (/** @type {string} */ name) => {
    const symbol = exported.get(name);
    if (symbol === undefined) throw new Error(`src/index.ts exports no ${name}`);
    return symbol;
  };
  const shared = new Map([
    [named('Rate'), '[a rate](#a-rate)'],
    [named('Ceiling'), '[a ceiling](#a-ceiling)'],
    [named('Spread'), '[a spread](#a-spread)'],
  ]);
  const ofRun = new Map([...shared, [named('Report'), '[a report of a run](#penstock-run)']]);
  const tables = (/** @type {string} */ name, elsewhere = shared) =>
    fieldTables(fieldsOf(library, named(name), elsewhere), '###');
  return page([
    '# The reports, field by field',
    GENERATED,
    'What `penstock run --json` and `penstock bench --json` print: one JSON document on stdout. `runJob` and `benchJob` resolve to the same, as the types `Report` and `BenchReport`. Shares are 0 to 1, times are by the clock on the wall, `…Ms` are milliseconds, `…Bytes` bytes. How the shares are measured is told in [stalls.md](stalls.md), how ceilings are in [bench.md](bench.md).',
    '## penstock run',
    ...tables('Report'),
    '## penstock bench',
    ...tables('BenchReport', ofRun),
    '## What they have in common',
    '### A rate',
    'Rows a second, over several runs.',
    ...tables('Rate', new Map()),
    '### A ceiling',
    'What one stage can do when it alone is running.',
    ...tables('Ceiling'),
    '### A spread',
    'How a metric of a GPU was distributed over a run. Null where this card or driver does not tell.',
    ...tables('Spread', new Map()),
    '## Of a run that stopped',
    'With `--json`, a run or a bench that fails or is interrupted prints this document, and ends with another exit code than 0.',
    ...tables('StoppedRun'),
  ]);
}

/** @param {import('./docs/program.mjs').Declarations} library */
function apiReference(library) {
  return page([
    '# The library',
    GENERATED,
    "Everything that `import … from 'penstock'` gives: functions, the types of what they take and return, errors. The package is of ES modules; `require('penstock')` gives the same to CommonJS. Whole programs are in [examples](../examples/README.md).",
    'Everything that takes time takes an `AbortSignal`, and ends all its threads when it is aborted. What fails rejects with a [`PenstockError`](#penstockerror): one sentence of what is wrong and where, with a hint. A job is of the type `JobInput`, whose keys are those of the [job file](job-file.md); a configuration of `penstock serve` is a `ServeConfigInput`, whose keys are in [serve-file.md](serve-file.md). Fields of reports are told one by one in [report-reference.md](report-reference.md).',
    ...exportReference(library),
  ]);
}

/** @param {readonly string[]} args */
async function main(args) {
  const isCheck = args.includes('--check');
  for (const [path, text] of await references()) {
    const file = join(root, path);
    if (read(file) === text) continue;
    if (isCheck) process.exitCode = 1;
    else {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    console.log(`${path} ${isCheck ? 'is not what src says: run `npm run docs`' : 'written'}`);
  }
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
