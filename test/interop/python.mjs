// @ts-check
// A Python of the suite's own, and what is said where it is not to be had.
import { join } from 'node:path';
import { ensure } from '../../scripts/services.mjs';
import { isCi, run } from '../../scripts/steps.mjs';

/**
 * Makes a virtual environment.
 * @param {string} folder
 * @returns {Promise<{ python: string } | { reason: string }>}
 */
export async function makePython(folder) {
  const service = await ensure('python');
  if ('reason' in service) return service;
  const made = await run(service.path, ['-m', 'venv', folder]);
  return made ? { python: join(folder, 'bin', 'python') } : { reason: `${service.path} -m venv fails` };
}

/**
 * @param {string} python
 * @param {readonly string[]} packages
 */
export function pip(python, packages) {
  const flags = ['--quiet', '--disable-pip-version-check', ...(isCi ? ['--no-cache-dir'] : [])];
  return run(python, ['-m', 'pip', 'install', ...flags, ...packages]);
}

/**
 * What did not run, in words and as counts: on CI it fails, where a test that never runs would go unnoticed.
 * @param {string} part
 * @param {string} reason
 */
export function skipped(part, reason) {
  console.log(`skipped: ${part}: ${reason}`);
  return { passed: 0, failed: isCi ? 1 : 0, skipped: isCi ? 0 : 1 };
}
