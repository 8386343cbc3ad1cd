// @ts-check
// `node scripts/docs/measure-install.mjs`: how much disk an installation takes here, and how long Penstock takes to start;
// what docs/dependencies.md says, by way of MEASURED in dependencies.mjs. The machine should have nothing else to do.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { productionPackages } from '../packages.mjs';
import { root } from '../steps.mjs';

const TIMES = 20;
const CLI = join(root, 'dist/cli/main.js');

/**
 * Bytes of files; of links, nothing.
 * @param {string} path
 * @returns {number}
 */
function bytesOf(path) {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return stat.isFile() ? stat.size : 0;
  return readdirSync(path)
    .filter((name) => name !== 'node_modules')
    .reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}

/** Tells the CPU time of the process that it is loaded into, all threads of it. */
const TELL = `data:text/javascript,${encodeURIComponent(
  'process.on("exit", () => { const { user, system } = process.cpuUsage(); process._rawDebug(user + system); });',
)}`;

/**
 * @param {readonly string[]} args
 * @returns {string} by the clock on the wall, and of the CPU, which something else that runs hardly changes
 */
function medians(args) {
  const runs = Array.from({ length: TIMES }, () => {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, ['--import', TELL, ...args], {
      cwd: root,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
    return { wall: performance.now() - start, cpu: Number(stderr.trim().split('\n').at(-1)) / 1000 };
  });
  const median = (/** @type {number[]} */ times) => {
    const [low = 0, high = 0] = times.sort((a, b) => a - b).slice(TIMES / 2 - 1);
    return Math.round((low + high) / 2);
  };
  return `${median(runs.map(({ wall }) => wall))} ms, of the CPU ${median(runs.map(({ cpu }) => cpu))} ms`;
}

const here = productionPackages()
  .filter(({ path }) => existsSync(join(root, path)))
  .map((one) => ({ ...one, bytes: bytesOf(join(root, one.path)) }));
const sum = (/** @type {readonly { bytes: number }[]} */ list) =>
  list.reduce((all, { bytes }) => all + bytes, 0);
const megabytes = (/** @type {number} */ bytes) => `${Math.round(bytes / 1e6)} MB`;
const packed = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 26,
  }),
)[0];

console.log(
  `${cpus().length} cores of ${cpus()[0]?.model}, Node.js ${process.versions.node}, ${process.platform} ${process.arch}`,
);
console.log(
  `penstock: ${(packed.size / 1e6).toFixed(1)} MB packed, ${(packed.unpackedSize / 1e6).toFixed(1)} MB on disk`,
);
console.log(`what it needs: ${megabytes(sum(here.filter(({ isOptional }) => !isOptional)))}`);
console.log(`with optional packages: ${megabytes(sum(here))}`);
for (const { path, bytes } of here.sort((a, b) => b.bytes - a.bytes).slice(0, 6)) {
  console.log(`  ${path}: ${megabytes(bytes)}`);
}
/** @type {Readonly<Record<string, readonly string[]>>} */
const STARTS = {
  'node -e 0': ['-e', '0'],
  'penstock --version': [CLI, '--version'],
  'penstock --help': [CLI, '--help'],
  "import 'penstock'": ['--input-type=module', '-e', "import 'penstock'"],
  "import 'apache-arrow'": ['--input-type=module', '-e', "import 'apache-arrow'"],
};
for (const [name, args] of Object.entries(STARTS)) console.log(`${name}: ${medians(args)}`);
