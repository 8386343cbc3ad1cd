// @ts-check
// A folder as an archive that is the same, byte for byte, wherever and whenever it is made of the same files.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  openSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { pipeline } from 'node:stream/promises';
import picomatch from 'picomatch';
import { COMPONENTS } from './rules.mjs';

/** @typedef {'xz' | 'gz' | 'none'} Compression */
/** @typedef {{ name: string, files: number, bytes: number, packedBytes: number }} ComponentSize */

export const SUFFIX = { xz: '.tar.xz', gz: '.tar.gz', none: '.tar' };

/** The end of a tar file: two blocks of zeros. */
const TAR_END = 1024;

/**
 * A component is a stream of its own, so that its size can be told and all cores are at work; xz and gzip read streams
 * that stand one behind another as one.
 * @param {string} folder
 * @param {string} top the one folder in the archive, with a slash; '' where its files have none around them
 * @param {readonly string[]} paths of files, relative to `top`
 * @param {{ file: string, compression: Compression, level: number, seconds: number }} options `seconds`: all files' time
 * @returns {Promise<ComponentSize[]>}
 */
export async function archive(folder, top, paths, { file, compression, level, seconds }) {
  const groups = COMPONENTS.map(({ name, paths: pattern, code }) => ({
    name,
    code,
    isIn: picomatch(pattern),
  })).map((component, place, all) => ({
    ...component,
    paths: paths.filter((path) => all.findIndex(({ isIn }) => isIn(path)) === place).sort(byBytes),
  }));
  const filled = groups.filter((group) => group.paths.length > 0);
  const pieces = await inTurn(filled, async ({ code, paths: own }, place) => {
    const piece = `${file}.${place}`;
    const tarred = `${piece}.tar`;
    await tar(
      folder,
      own.map((path) => top + path),
      tarred,
      seconds,
    );
    if (place < filled.length - 1) truncateSync(tarred, statSync(tarred).size - TAR_END);
    await compress(tarred, piece, compression, level, code);
    rmSync(tarred);
    return { piece, packedBytes: statSync(piece).size };
  });
  rmSync(file, { force: true });
  for (const { piece } of pieces) {
    await pipeline(createReadStream(piece), createWriteStream(file, { flags: 'a' }));
    rmSync(piece);
  }
  return filled.map(({ name, paths: own }, i) => ({
    name,
    files: own.length,
    bytes: own.reduce((sum, path) => sum + statSync(`${folder}/${top}${path}`).size, 0),
    packedBytes: pieces[i]?.packedBytes ?? 0,
  }));
}

/**
 * @template T, R
 * @param {readonly T[]} items
 * @param {(item: T, place: number) => Promise<R>} work
 * @returns {Promise<R[]>} in the order of the items; as many at a time as there are cores
 */
async function inTurn(items, work) {
  /** @type {R[]} */
  const results = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (let place = next++; place < items.length; place = next++) {
        results[place] = await work(/** @type {T} */ (items[place]), place);
      }
    }),
  );
  return results;
}

/**
 * @param {string} folder
 * @param {readonly string[]} paths
 * @param {string} file
 * @param {number} seconds
 */
async function tar(folder, paths, file, seconds) {
  const list = `${file}.list`;
  await writeFile(list, paths.map((path) => `${path}\0`).join(''));
  const same = ['--format=ustar', '--owner=0', '--group=0', '--numeric-owner', `--mtime=@${seconds}`];
  await run('tar', ['-b1', ...same, '-C', folder, '--no-recursion', '--null', '-T', list, '-cf', file]);
  rmSync(list);
}

/**
 * @param {string} from
 * @param {string} to
 * @param {Compression} compression
 * @param {number} level
 * @param {boolean} code whether it is mostly machine code
 */
async function compress(from, to, compression, level, code) {
  if (compression === 'none') return pipeline(createReadStream(from), createWriteStream(to));
  const extreme = level === 9 ? '9e' : String(level);
  const [program, ...args] =
    compression === 'gz'
      ? ['gzip', '-n', `-${level}`, '-c']
      : ['xz', '-T1', ...(code ? ['--x86'] : []), `--lzma2=preset=${extreme}`, '-c'];
  const out = openSync(to, 'w');
  await run(program ?? '', [...args, from], out).finally(() => closeSync(out));
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {number | 'ignore'} [stdout]
 */
export function run(program, args, stdout = 'ignore') {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', stdout, 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    child.on('error', (error) => reject(new Error(`${program} does not start: ${error.message}`)));
    child.on('close', (code) => {
      if (code === 0) resolve(undefined);
      else reject(new Error(`${program} ended with exit code ${code}: ${said.trim()}`));
    });
  });
}

/**
 * In the order of their bytes, which is the same in every language.
 * @param {string} a
 * @param {string} b
 */
export function byBytes(a, b) {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** @param {string} file */
export async function sha256(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
