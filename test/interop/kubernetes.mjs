// @ts-check
// The manifests of examples/kubernetes against the schemas of Kubernetes, and what they use of KEDA's.
import { spawnSync } from 'node:child_process';
import { root, step } from '../../scripts/steps.mjs';
import { pip, skipped } from './python.mjs';

const PACKAGES = ['kubernetes-validate==1.37.0', 'jsonpatch==1.47'];
const FOLDER = 'test/interop/kubernetes';
const ARGUMENTS = [`${FOLDER}/validate.py`, 'examples/kubernetes', `${FOLDER}/keda-2.20.schema.json`];

/**
 * @param {string} python
 * @returns {Promise<import('../../scripts/steps.mjs').Counts>}
 */
export async function kubernetes(python) {
  if (!(await step('Python with the schemas of Kubernetes', () => pip(python, PACKAGES)))) {
    return skipped('kubernetes', `pip could not install ${PACKAGES.join(' and ')}: is PyPI within reach?`);
  }
  let counts = { passed: 0, failed: 1, skipped: 0 };
  await step('manifests of Kubernetes', () => {
    const { stdout } = spawnSync(python, ARGUMENTS, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    process.stdout.write(stdout);
    const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(stdout) ?? [];
    if (passed !== undefined) counts = { passed: Number(passed), failed: Number(failed), skipped: 0 };
    return counts.failed === 0;
  });
  return counts;
}
