// @ts-check
// `npm run bundle`: everything that a bare Linux host with glibc on x64 needs, in one archive: Node.js, Penstock built,
// its packages for that platform alone, the models, run.sh. See docs/gpu-hosts.md.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { neededLibraries } from '../dist/job/doctor/elf.js';
import { archive, run, SUFFIX, sha256 } from './bundle/archive.mjs';
import { bundledPackages, packageFiles, penstockFiles } from './bundle/contents.mjs';
import { cudaArchive, cudaFiles, fetchCuda } from './bundle/cuda.mjs';
import { debianLibraries, isLibrary, lendingLines } from './bundle/libraries.mjs';
import { noticesOf } from './bundle/notices.mjs';
import { BAR_MIB, DEBIAN } from './bundle/rules.mjs';
import { EXECUTABLE, stage } from './bundle/stage.mjs';
import { installNewestLts } from './newest-lts.mjs';
import { root } from './steps.mjs';

const HELP = `Usage: npm run bundle -- [options]

  --out DIR             where the archives go (default: bundles)
  --vulkan              with Vulkan's loader, and what NVIDIA's driver links, from Debian's packages
  --cuda                the CUDA libraries of ONNX Runtime too, from NuGet, as an archive of their own in pieces
  --cuda-from DIR       take them from there; again for more folders, such as those of cuDNN and cuBLAS
  --only-cuda           that archive alone
  --piece-mib N         how large its pieces are (default: 60)
  --node FILE           this Node.js, in place of npm's newest LTS release
  --compress xz|gz|none (default: xz)
  --level N             1 to 9 (default: 9)
  --bar-mib N           what it may have at the most, compressed with xz at level 9 (default: ${BAR_MIB})`;

const MIB = 1024 * 1024;

function parse() {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(root, 'bundles') },
      vulkan: { type: 'boolean', default: false },
      cuda: { type: 'boolean', default: false },
      'cuda-from': { type: 'string', multiple: true, default: [] },
      'only-cuda': { type: 'boolean', default: false },
      'piece-mib': { type: 'string', default: '60' },
      node: { type: 'string' },
      compress: { type: 'string', default: 'xz' },
      level: { type: 'string', default: '9' },
      'bar-mib': { type: 'string', default: String(BAR_MIB) },
      help: { type: 'boolean', default: false },
    },
  });
  const { compress, node } = values;
  if (compress !== 'xz' && compress !== 'gz' && compress !== 'none')
    throw new Error('--compress: expected xz, gz or none');
  return {
    help: values.help,
    out: resolve(values.out),
    vulkan: values.vulkan,
    cuda: values.cuda || values['only-cuda'] || values['cuda-from'].length > 0,
    cudaFrom: values['cuda-from'].map((folder) => resolve(folder)),
    onlyCuda: values['only-cuda'],
    pieceMib: wholeNumber('--piece-mib', values['piece-mib'], 1, 1_000_000),
    node: node === undefined ? undefined : resolve(node),
    compression: /** @type {import('./bundle/archive.mjs').Compression} */ (compress),
    level: wholeNumber('--level', values.level, 1, 9),
    barMib: wholeNumber('--bar-mib', values['bar-mib'], 1, 1_000_000),
  };
}

/**
 * @param {string} option
 * @param {string} text
 * @param {number} least
 * @param {number} most
 */
function wholeNumber(option, text, least, most) {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${option}: expected a whole number from ${least} to ${most}`);
}

/** Of all files: that of the commit, or what reproducible-builds.org has a variable for. */
function secondsOfFiles() {
  const told = process.env.SOURCE_DATE_EPOCH;
  if (told !== undefined) return wholeNumber('SOURCE_DATE_EPOCH', told, 0, 2 ** 33);
  try {
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }).trim());
  } catch {
    return 0;
  }
}

/**
 * @param {string | undefined} file
 * @param {string} scratch an empty folder
 * @returns {Promise<import('./bundle/contents.mjs').BundledFile[]>}
 */
async function nodeFiles(file, scratch) {
  const node = file ?? (await installNewestLts(scratch)).node;
  const licence = join(dirname(node), '../LICENSE');
  return [
    { from: node, to: 'node/bin/node', mode: EXECUTABLE },
    ...(existsSync(licence) ? [{ from: licence, to: 'node/LICENSE' }] : []),
    ...(neededLibraries(node)?.includes(DEBIAN.atomic.needed) ? atomicFiles(join(scratch, 'atomic')) : []),
  ];
}

/** @param {string} scratch an empty folder */
function atomicFiles(scratch) {
  try {
    return debianLibraries('atomic', scratch);
  } catch (error) {
    console.log(
      `${error instanceof Error ? error.message : error}: hosts must have ${DEBIAN.atomic.needed} themselves`,
    );
    return [];
  }
}

/**
 * Without symbols, which nobody needs who does not debug it.
 * @param {string} folder
 * @param {readonly string[]} paths
 */
async function strip(folder, paths) {
  try {
    await run('strip', ['--version']);
  } catch {
    console.log('strip (of binutils) is not installed: symbols stay in, and the bundle is larger');
    return;
  }
  await run('strip', ['--strip-unneeded', ...paths.filter(isLibrary).map((path) => join(folder, path))]);
}

/** @param {number} bytes */
function mib(bytes) {
  return `${(bytes / MIB).toFixed(1)} MiB`.padStart(12);
}

/** @param {readonly import('./bundle/archive.mjs').ComponentSize[]} sizes */
function printSizes(sizes) {
  console.log(`  ${''.padEnd(22)}${'files'.padStart(7)}${'unpacked'.padStart(12)}${'packed'.padStart(12)}`);
  for (const { name, files, bytes, packedBytes } of sizes) {
    console.log(`  ${name.padEnd(22)}${String(files).padStart(7)}${mib(bytes)}${mib(packedBytes)}`);
  }
}

/**
 * @param {ReturnType<typeof parse>} options
 * @param {string} version
 * @param {string} scratch
 */
async function bundle({ out, vulkan, node, compression, level, barMib }, version, scratch) {
  const top = `penstock-${version}-linux-x64`;
  const folder = join(scratch, top);
  for (const own of ['node', 'vulkan', 'x11']) await mkdir(join(scratch, own));
  const notices = join(scratch, 'THIRD-PARTY.txt');
  writeFileSync(notices, noticesOf(bundledPackages()));
  const files = [
    ...(await nodeFiles(node, join(scratch, 'node'))),
    ...penstockFiles(),
    ...packageFiles(),
    ...(vulkan
      ? [
          ...debianLibraries('vulkan', join(scratch, 'vulkan')),
          ...debianLibraries('x11', join(scratch, 'x11')),
        ]
      : []),
    { from: notices, to: 'THIRD-PARTY.txt' },
    { from: join(root, 'scripts/bundle/run.sh'), to: 'run.sh', mode: EXECUTABLE },
  ];
  const paths = await stage(files, folder);
  const script = readFileSync(join(folder, 'run.sh'), 'utf8');
  writeFileSync(join(folder, 'run.sh'), script.replace('@LEND@', lendingLines()));
  await strip(folder, paths);
  /** @type {string[]} */
  const sums = [];
  for (const path of paths) sums.push(`${await sha256(join(folder, path))}  ${path}\n`);
  writeFileSync(join(folder, 'SHA256SUMS'), sums.join(''));
  const file = join(out, `${top}${SUFFIX[compression]}`);
  const seconds = secondsOfFiles();
  const sizes = await archive(scratch, `${top}/`, [...paths, 'SHA256SUMS'], {
    file,
    compression,
    level,
    seconds,
  });
  writeFileSync(`${file}.sha256`, `${await sha256(file)}  ${basename(file)}\n`);
  printSizes(sizes);
  const packed = statSync(file).size;
  console.log(`${file}: ${mib(packed).trim()}`);
  if (compression !== 'xz' || level < 9) {
    console.log(`(the bar of ${barMib} MiB is for xz at level 9)`);
    return true;
  }
  const fits = packed <= barMib * MIB;
  console.log(
    fits ? `within the bar of ${barMib} MiB` : `that is over the ${barMib} MiB that it may have (--bar-mib)`,
  );
  return fits;
}

/**
 * @param {ReturnType<typeof parse>} options
 * @param {string} version
 * @param {string} scratch
 */
async function bundleCuda({ out, cudaFrom, pieceMib, compression, level }, version, scratch) {
  await mkdir(join(scratch, 'fetched'));
  await mkdir(join(scratch, 'cuda'));
  const folders = cudaFrom.length > 0 ? cudaFrom : [await fetchCuda(join(scratch, 'fetched'))];
  const name = `penstock-${version}-cuda`;
  const { sizes, pieces } = await cudaArchive(cudaFiles(folders), join(scratch, 'cuda'), {
    out,
    name,
    pieceMib,
    compression,
    level,
    seconds: secondsOfFiles(),
  });
  printSizes(sizes);
  console.log(`${pieces.length} pieces: ${pieces[0]} …, to be joined by run.sh join FOLDER`);
}

async function main() {
  const options = parse();
  if (options.help) {
    console.log(HELP);
    return true;
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('a bundle is made on Linux x64: npm has installed the packages of this system only');
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const scratch = mkdtempSync(join(tmpdir(), 'penstock-bundle-'));
  try {
    await mkdir(options.out, { recursive: true });
    const fits = options.onlyCuda || (await bundle(options, version, scratch));
    if (options.cuda) await bundleCuda(options, version, scratch);
    return fits;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
