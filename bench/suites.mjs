// Does every injected bottleneck get its name, and is every killed job resumed to the byte? What the tests say.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inTemporaryFolder } from './support/arrow-file.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const SUITES = [
  { said: 'cause named under an injected bottleneck, each share within 0.05', args: ['--project', 'stalls'] },
  {
    said: 'kill −9 at a random point and run again: outputs byte-equal (20 kills)',
    args: ['--project', 'faults', 'test/faults/kill'],
  },
];

/** The share of a suite's tests that pass, and how many there are. */
function passed(args) {
  return inTemporaryFolder(async (folder) => {
    const file = join(folder, 'results.json');
    const options = { cwd: ROOT, encoding: 'utf8', maxBuffer: 1e8 };
    const { stderr } = spawnSync(
      process.execPath,
      [VITEST, 'run', ...args, '--reporter=json', `--outputFile=${file}`],
      options,
    );
    try {
      const { numPassedTests, numTotalTests } = JSON.parse(readFileSync(file, 'utf8'));
      return { share: numPassedTests / numTotalTests, tests: numTotalTests };
    } catch (cause) {
      throw new Error(`vitest ${args.join(' ')} gave no results: ${stderr}`, { cause });
    }
  });
}

export async function measure() {
  const rows = [];
  for (const { said, args } of SUITES) {
    const { share, tests } = await passed(args);
    rows.push({
      what: `${said}: tests that pass, of ${tests}`,
      bar: { least: 1 },
      unit: '×',
      values: [share],
    });
  }
  return rows;
}
