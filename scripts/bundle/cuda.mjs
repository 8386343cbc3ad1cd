// @ts-check
// The CUDA libraries of ONNX Runtime, and those that they need, as an archive of their own in pieces.
import {
  cpSync,
  createReadStream,
  createWriteStream,
  existsSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { root } from '../steps.mjs';
import { archive, run, SUFFIX, sha256 } from './archive.mjs';
import { librariesIn } from './libraries.mjs';
import { stage } from './stage.mjs';

const RUNTIME = 'node_modules/onnxruntime-node';
const BINARIES = `${RUNTIME}/bin/napi-v6/linux/x64`;
const PROVIDER = 'libonnxruntime_providers_cuda.so';

/**
 * What onnxruntime-node's own install script fetches from NuGet, put where nobody takes it for installed.
 * @param {string} scratch an empty folder
 * @returns {Promise<string>} the folder with the libraries
 */
export async function fetchCuda(scratch) {
  cpSync(join(root, RUNTIME, 'script'), join(scratch, 'script'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(scratch, 'node_modules'));
  const script = join(scratch, 'script/install.js');
  await run(process.execPath, [script, '--onnxruntime-node-install=cuda12']).catch((error) => {
    const [line] = /\w*Error: .*/.exec(error.message) ?? [error.message];
    throw new Error(
      `ONNX Runtime's CUDA libraries can't be had from NuGet: ${line}\n` +
        'Where they are installed elsewhere, say in which folders: --cuda-from FOLDER',
    );
  });
  return join(scratch, 'bin/napi-v6/linux/x64');
}

/**
 * Files go to where ONNX Runtime looks for its own, and to cuda/lib, which run.sh adds to the loader's path.
 * @param {readonly string[]} folders with libraries; of two with one name, the first is taken
 * @returns {import('./contents.mjs').BundledFile[]}
 */
export function cudaFiles(folders) {
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const { name, from } of folders.flatMap(librariesIn)) if (!found.has(name)) found.set(name, from);
  if (!found.has(PROVIDER)) throw new Error(`${folders.join(', ')}: no ${PROVIDER} is there`);
  return [...found].map(([name, from]) => ({
    from,
    to: name.startsWith('libonnxruntime_') ? `penstock/${BINARIES}/${name}` : `cuda/lib/${name}`,
  }));
}

/**
 * @param {import('./contents.mjs').BundledFile[]} files
 * @param {string} scratch an empty folder
 * @param {{ out: string, name: string, pieceMib: number, compression: import('./archive.mjs').Compression, level: number, seconds: number }} options
 */
export async function cudaArchive(files, scratch, { out, name, pieceMib, compression, level, seconds }) {
  const file = join(out, `${name}${SUFFIX[compression]}`);
  for (const old of existsSync(out) ? readdirSync(out) : []) {
    if (old.startsWith(`${name}.tar`)) rmSync(join(out, old));
  }
  const paths = await stage(files, scratch);
  await mkdir(out, { recursive: true });
  const sizes = await archive(scratch, '', paths, { file, compression, level, seconds });
  return { sizes, pieces: await split(file, pieceMib * 1024 * 1024) };
}

/**
 * Cuts a file into pieces `.000`, `.001`, … beside it, with their SHA-256 in `.sha256`; the file itself goes.
 * @param {string} file
 * @param {number} pieceBytes
 */
export async function split(file, pieceBytes) {
  /** @type {{ path: string, sum: string }[]} */
  const pieces = [];
  for (let start = 0; ; start += pieceBytes) {
    const path = `${file}.${String(pieces.length).padStart(3, '0')}`;
    const out = createWriteStream(path);
    await pipeline(createReadStream(file, { start, end: start + pieceBytes - 1 }), out);
    if (out.bytesWritten === 0 && pieces.length > 0) {
      rmSync(path);
      break;
    }
    pieces.push({ path, sum: await sha256(path) });
    if (out.bytesWritten < pieceBytes) break;
  }
  rmSync(file);
  const lines = pieces.map(({ path, sum }) => `${sum}  ${path.slice(dirname(path).length + 1)}\n`);
  await writeFile(`${file}.sha256`, lines.join(''));
  return pieces.map(({ path }) => path);
}
