// @ts-check
// Python writes the sample files anew, in every codec and encoding that it has, and the tests of the samples run over
// those.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run, step, vitest } from '../../scripts/steps.mjs';
import { pip, skipped } from './python.mjs';

export const PACKAGES = ['pyarrow==26.0.1', 'duckdb==2.0.1'];
const FIXTURES = 'test/dataset/fixtures';
const TESTS = ['test/dataset/pyarrow.test.ts', 'test/dataset/parquet.test.ts'];

/**
 * @param {string} python
 * @param {string} folder
 * @returns {Promise<import('../../scripts/steps.mjs').Counts>}
 */
export async function arrow(python, folder) {
  if (!(await step('Python with pyarrow and DuckDB', () => pip(python, PACKAGES)))) {
    return skipped('arrow', `pip could not install ${PACKAGES.join(' and ')}: is PyPI within reach?`);
  }
  const env = {
    PENSTOCK_TEST_PYARROW: join(folder, 'arrow/'),
    PENSTOCK_TEST_PARQUET: join(folder, 'parquet/'),
  };
  for (const into of Object.values(env)) mkdirSync(into);
  const written = await step(
    'pyarrow and DuckDB write',
    async () =>
      (await run(python, [`${FIXTURES}/pyarrow/make.py`, env.PENSTOCK_TEST_PYARROW])) &&
      (await run(python, [`${FIXTURES}/parquet/make.py`, env.PENSTOCK_TEST_PARQUET])),
  );
  if (!written) return { passed: 0, failed: 1, skipped: 0 };
  let counts = { passed: 0, failed: 0, skipped: 0 };
  await step('Penstock reads', async () => {
    counts = await vitest(process.execPath, TESTS, env);
    return counts.failed === 0;
  });
  return counts;
}
