// @ts-check
// `npm run build`: TypeScript, and then what producers' and sinks' threads run as a few files of their own.
//
// A thread that loads apache-arrow and our modules one by one opens nearly three hundred files, and takes three times as long
// to start, every time that one is started (bench/README.md). Whoever builds with tsc alone gets the modules: see
// src/util/thread-file.ts.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { root, run, TOOLS } from './steps.mjs';

const dist = join(root, 'dist');

const THREADS = { task: 'produce/task.js', sample: 'produce/sample.js', sink: 'sink/thread.js' };

/** Packages that are put into the files; all others stay where they are. Their licences go with them. */
const WITHIN = {
  'apache-arrow': ['LICENSE.txt', 'NOTICE.txt'],
  flatbuffers: ['LICENSE'],
  hyparquet: ['LICENSE'],
  tslib: ['LICENSE.txt'],
};

/** @returns {Promise<boolean>} whether it went well */
export async function build() {
  return (await run(process.execPath, [TOOLS.tsc, '--build'])) && (await bundleThreads());
}

async function bundleThreads() {
  const folder = join(dist, 'threads');
  rmSync(folder, { recursive: true, force: true });
  const bundle = await rolldown({
    input: Object.fromEntries(Object.entries(THREADS).map(([name, file]) => [name, join(dist, file)])),
    platform: 'node',
    // A package that nothing is taken from is not loaded.
    treeshake: { moduleSideEffects: 'no-external' },
    external: (id) =>
      !/^[./]/.test(id) && !Object.keys(WITHIN).some((name) => id === name || id.startsWith(`${name}/`)),
  });
  await bundle.write({ dir: folder, format: 'esm' });
  await bundle.close();
  const licences = Object.entries(WITHIN).flatMap(([name, files]) =>
    files.map((file) => {
      const text = readFileSync(join(root, 'node_modules', name, file), 'utf8');
      return `${name}: ${file}\n\n${text}`;
    }),
  );
  writeFileSync(join(folder, 'LICENCES.txt'), licences.join('\n\n'));
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = (await build()) ? 0 : 1;
