// @ts-check
// ONNX's own tests of its operators, which come with its Python package.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { run, step, TOOLS } from '../../scripts/steps.mjs';
import { pip, skipped } from './python.mjs';

/** The newest of which onnxruntime-node 1.30 takes all opsets; of those after it, not all. Nothing of it is run. */
const PACKAGE = 'onnx==1.21.0';

/**
 * @param {string} python
 * @returns {Promise<import('../../scripts/steps.mjs').Counts>}
 */
export async function onnx(python) {
  if (!(await step('Python with ONNX', () => pip(python, ['--no-deps', PACKAGE])))) {
    return skipped('onnx', `pip could not install ${PACKAGE}: is PyPI within reach?`);
  }
  if (!(await run(process.execPath, [TOOLS.tsc, '--build']))) return { passed: 0, failed: 1, skipped: 0 };
  let counts = { passed: 0, failed: 0, skipped: 0 };
  await step('ONNX tests its operators', async () => {
    const { onnxBackend } = await import('./onnx-backend.mjs');
    counts = await onnxBackend(join(packagesOf(python), 'onnx/backend/test/data/node'));
    return counts.failed === 0;
  });
  return counts;
}

/**
 * Where Python's packages are.
 * @param {string} python
 */
function packagesOf(python) {
  const script = 'import sysconfig; print(sysconfig.get_path("platlib"))';
  return spawnSync(python, ['-c', script], { encoding: 'utf8' }).stdout.trim();
}
