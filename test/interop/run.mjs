// @ts-check
// The interop suite: `npm run test:interop`. A Python of its own writes the sample files anew, in every codec and encoding
// that it has, and the tests of the samples run over those; then it reads what a job has written.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { finish, isCi, run, step, TOOLS, vitest } from '../../scripts/steps.mjs';

const PACKAGES = ['pyarrow==26.0.1', 'duckdb==2.0.1'];
const FIXTURES = 'test/dataset/fixtures';
const TESTS = ['test/dataset/pyarrow.test.ts', 'test/dataset/parquet.test.ts'];

/**
 * Python with the packages, in a virtual environment.
 * @param {string} folder
 */
async function python(folder) {
  const venv = join(folder, 'venv');
  const makes = () => spawnSync('python3', ['-m', 'venv', venv], { stdio: 'ignore' }).status === 0;
  if (!makes()) {
    const apt = spawnSync('apt-get', ['install', '--yes', '-q', 'python3-venv'], { stdio: 'ignore' });
    if (apt.status !== 0 || !makes()) return undefined;
  }
  const path = join(venv, 'bin', 'python');
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES];
  return (await run(path, args)) ? path : undefined;
}

/** Formats and codecs that jobs write. Before Node 22.15 there is no zstd for Arrow. */
const OUTPUTS = [
  'arrow-none',
  'arrow-lz4',
  ...('zstdCompressSync' in zlib ? ['arrow-zstd'] : []),
  ...['none', 'snappy', 'gzip', 'lz4', 'zstd'].map((codec) => `parquet-${codec}`),
  'jsonl-none',
];

/**
 * Runs the digits, and a job that keeps a column of every type, in every format.
 * @param {string} folder
 */
async function writeOutputs(folder) {
  const job = join(folder, 'types.yaml');
  writeFileSync(
    job,
    JSON.stringify({
      source: { uri: 'types.arrow' },
      model: { runtime: 'simulated' },
      inputs: { tensor: {} },
      sink: { uri: 'out', keep: await columnsOf(join(folder, 'types.arrow')) },
    }),
  );
  for (const output of OUTPUTS) {
    const [format, codec] = output.split('-');
    for (const [name, file] of [
      ['digits', 'examples/digits/job.yaml'],
      ['types', job],
    ]) {
      const set = [
        `sink.uri=${join(folder, name, output)}`,
        `sink.format=${format}`,
        `sink.compression=${codec}`,
      ];
      const args = ['dist/cli/main.js', 'run', file, ...set.flatMap((override) => ['--set', override])];
      if (!(await run(process.execPath, args))) return false;
    }
  }
  return true;
}

/** @param {string} path */
async function columnsOf(path) {
  const { RecordBatchReader } = await import('apache-arrow');
  return RecordBatchReader.from(readFileSync(path))
    .open()
    .schema.fields.map(({ name }) => name);
}

/** @param {string} folder */
async function main(folder) {
  /** @type {string | undefined} */
  let path;
  await step('Python', async () => {
    path = await python(folder);
    return path !== undefined;
  });
  if (path === undefined) {
    console.log(`skipped: all: no Python with venv, or ${PACKAGES.join(' and ')} could not be installed`);
    return { passed: 0, failed: isCi ? 1 : 0, skipped: isCi ? 0 : 1 };
  }
  const interpreter = path;
  const env = {
    PENSTOCK_TEST_PYARROW: join(folder, 'arrow/'),
    PENSTOCK_TEST_PARQUET: join(folder, 'parquet/'),
  };
  for (const into of Object.values(env)) mkdirSync(into);
  const written = await step(
    'pyarrow and DuckDB write',
    async () =>
      (await run(interpreter, [`${FIXTURES}/pyarrow/make.py`, env.PENSTOCK_TEST_PYARROW])) &&
      (await run(interpreter, [`${FIXTURES}/parquet/make.py`, env.PENSTOCK_TEST_PARQUET])),
  );
  if (!written) return { passed: 0, failed: 1, skipped: 0 };
  let counts = { passed: 0, failed: 0, skipped: 0 };
  await step('Penstock reads', async () => {
    counts = await vitest(process.execPath, TESTS, env);
    return counts.failed === 0;
  });
  const read = await step(
    'Penstock writes, pyarrow and DuckDB read',
    async () =>
      (await run(process.execPath, [TOOLS.tsc, '--build'])) &&
      (await run(interpreter, ['test/interop/outputs.py', 'write', folder])) &&
      (await writeOutputs(folder)) &&
      (await run(interpreter, ['test/interop/outputs.py', 'read', folder])),
  );
  return { ...counts, passed: counts.passed + (read ? 1 : 0), failed: counts.failed + (read ? 0 : 1) };
}

const folder = mkdtempSync(join(tmpdir(), 'penstock-interop-'));
try {
  finish(await main(folder));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
