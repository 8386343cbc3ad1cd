// @ts-check
// Jobs write their outputs in every format and codec; pyarrow and DuckDB read them, with all types as they were.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { RecordBatchReader } from 'apache-arrow';
import { run, step, TOOLS } from '../../scripts/steps.mjs';
import { PACKAGES } from './arrow.mjs';
import { pip, skipped } from './python.mjs';

/** Formats and codecs that jobs write. Before Node 22.15 there is no zstd for Arrow. */
const OUTPUTS = [
  'arrow-none',
  'arrow-lz4',
  ...('zstdCompressSync' in zlib ? ['arrow-zstd'] : []),
  ...['none', 'snappy', 'gzip', 'lz4', 'zstd'].map((codec) => `parquet-${codec}`),
  'jsonl-none',
];

/**
 * @param {string} python
 * @param {string} folder
 * @returns {Promise<import('../../scripts/steps.mjs').Counts>}
 */
export async function outputs(python, folder) {
  if (!(await step('Python with pyarrow and DuckDB', () => pip(python, PACKAGES)))) {
    return skipped('outputs', `pip could not install ${PACKAGES.join(' and ')}: is PyPI within reach?`);
  }
  const read = await step(
    'Penstock writes, pyarrow and DuckDB read',
    async () =>
      (await run(process.execPath, [TOOLS.tsc, '--build'])) &&
      (await run(python, ['test/interop/outputs.py', 'write', folder])) &&
      (await writeOutputs(folder)) &&
      (await run(python, ['test/interop/outputs.py', 'read', folder])),
  );
  // A test for each format and codec, of the digits and of all types.
  const count = 2 * OUTPUTS.length;
  return { passed: read ? count : 0, failed: read ? 0 : 1, skipped: 0 };
}

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
      sink: { uri: 'out', keep: columnsOf(join(folder, 'types.arrow')) },
    }),
  );
  for (const output of OUTPUTS) {
    const [format, codec] = output.split('-');
    for (const [name, file] of [
      ['digits', 'examples/digits/job.yaml'],
      ['types', job],
    ]) {
      const set = [
        `sink.uri=${join(folder, String(name), output)}`,
        `sink.format=${format}`,
        `sink.compression=${codec}`,
      ];
      const args = [
        'dist/cli/main.js',
        'run',
        String(file),
        ...set.flatMap((override) => ['--set', override]),
      ];
      if (!(await run(process.execPath, args))) return false;
    }
  }
  return true;
}

/** @param {string} path */
function columnsOf(path) {
  const reader = RecordBatchReader.from(readFileSync(path)).open();
  return reader.schema.fields.map(({ name }) => name);
}
