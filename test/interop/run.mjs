// @ts-check
// The interop suite: `npm run test:interop`, or a part of it: `npm run test:interop -- arrow`.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish } from '../../scripts/steps.mjs';
import { arrow } from './arrow.mjs';
import { kubernetes } from './kubernetes.mjs';
import { onnx } from './onnx.mjs';
import { outputs } from './outputs.mjs';
import { npmPackage } from './package.mjs';
import { makePython, skipped } from './python.mjs';
import { serve } from './serve.mjs';
import { tensorflow } from './tensorflow.mjs';

const PARTS = { arrow, outputs, onnx, serve, kubernetes, tensorflow, package: npmPackage };

/**
 * @param {string} folder
 * @param {readonly string[]} wanted
 */
async function main(folder, wanted) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const made = await makePython(join(folder, 'python'));
  for (const [name, part] of Object.entries(PARTS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const own = join(folder, name);
    mkdirSync(own);
    const counts = 'reason' in made ? skipped(name, made.reason) : await part(made.python, own);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  return total;
}

const folder = mkdtempSync(join(tmpdir(), 'penstock-interop-'));
try {
  finish(await main(folder, process.argv.slice(2)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
