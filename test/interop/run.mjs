// @ts-check
// The interop suite: `npm run test:interop`. A Python of its own writes the sample files anew, in every codec and encoding
// that it has, and the tests of the samples run over those; then it reads what a job has written. ONNX's own tests of its
// operators come with its Python package too.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish, isCi, run, step, TOOLS, vitest } from '../../scripts/steps.mjs';

const PACKAGES = ['pyarrow==26.0.1', 'duckdb==2.0.1'];
/** The newest of which onnxruntime-node 1.30 takes all opsets; of those after it, not all. Nothing of it is run. */
const ONNX = 'onnx==1.21.0';
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
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  const installed =
    (await run(path, [...args, ...PACKAGES])) && (await run(path, [...args, '--no-deps', ONNX]));
  return installed ? path : undefined;
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
    console.log(
      `skipped: all: no Python with venv, or ${[...PACKAGES, ONNX].join(' and ')} could not be installed`,
    );
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
  const built = await step('build', () => run(process.execPath, [TOOLS.tsc, '--build']));
  if (!built) return { ...counts, failed: counts.failed + 1 };
  const out = join(folder, 'out');
  const read = await step(
    'Penstock writes, pyarrow reads',
    async () =>
      (await run(process.execPath, [
        'dist/cli/main.js',
        'run',
        'examples/digits/job.yaml',
        '--set',
        `sink.uri=${out}`,
      ])) && (await run(interpreter, ['test/interop/outputs.py', out])),
  );
  counts = sum(counts, { passed: read ? 1 : 0, failed: read ? 0 : 1, skipped: 0 });
  await step('ONNX tests its operators', async () => {
    const { onnxBackend } = await import('./onnx-backend.mjs');
    const operators = await onnxBackend(join(packagesOf(interpreter), 'onnx/backend/test/data/node'));
    counts = sum(counts, operators);
    return operators.failed === 0;
  });
  return counts;
}

/**
 * Where Python's packages are.
 * @param {string} interpreter
 */
function packagesOf(interpreter) {
  const script = 'import sysconfig; print(sysconfig.get_path("platlib"))';
  return spawnSync(interpreter, ['-c', script], { encoding: 'utf8' }).stdout.trim();
}

/**
 * @param {import('../../scripts/steps.mjs').Counts} a
 * @param {import('../../scripts/steps.mjs').Counts} b
 */
function sum(a, b) {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

const folder = mkdtempSync(join(tmpdir(), 'penstock-interop-'));
try {
  finish(await main(folder));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
