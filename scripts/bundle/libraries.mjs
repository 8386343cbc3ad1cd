// @ts-check
// Shared libraries as programs ask for them, out of folders and out of Debian's packages.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DEBIAN } from './rules.mjs';

/** @typedef {import('./contents.mjs').BundledFile} BundledFile */

/** `libcudnn.so.9`: what a program that links it asks for. */
const ASKED_FOR = /^lib.+\.so\.\d+$/;
/** What ONNX Runtime loads by that name. */
const PROVIDER = /^libonnxruntime_providers_\w+\.so$/;

/**
 * The libraries in a folder, each once, under the name by which it is loaded: beside it stand links of other names.
 * @param {string} folder
 * @returns {{ from: string, name: string }[]}
 */
export function librariesIn(folder) {
  return readdirSync(folder)
    .filter((name) => ASKED_FOR.test(name) || PROVIDER.test(name))
    .map((name) => ({ from: realpathSync(join(folder, name)), name }))
    .filter(({ from }) => statSync(from).isFile());
}

/**
 * @param {keyof typeof DEBIAN} set which libraries; they go to lib/<set>
 * @param {string} scratch an empty folder
 * @returns {BundledFile[]}
 */
export function debianLibraries(set, scratch) {
  const { packages } = DEBIAN[set];
  const unpacked = join(scratch, 'unpacked');
  mkdirSync(unpacked, { recursive: true });
  unpack(packages, scratch, unpacked);
  // Of packages that are made together, one has what all of them say of copyright, and the others a link to it.
  const documents = (/** @type {string} */ name) => join(unpacked, 'usr/share/doc', name);
  const told = packages
    .filter((name) => !existsSync(documents(name)))
    .map((name) => basename(readlinkSync(documents(name))));
  if (told.length > 0) unpack([...new Set(told)], scratch, unpacked);
  const found = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu']
    .map((folder) => join(unpacked, folder))
    .filter((folder) => existsSync(folder))
    .flatMap(librariesIn);
  return [
    ...found.map(({ from, name }) => ({ from, to: `lib/${set}/${name}` })),
    ...packages.map((name) => ({
      from: realpathSync(join(documents(name), 'copyright')),
      to: `lib/${set}/${name}.copyright`,
    })),
  ];
}

/**
 * @param {readonly string[]} packages
 * @param {string} scratch
 * @param {string} folder
 */
function unpack(packages, scratch, folder) {
  try {
    execFileSync('apt-get', ['download', ...packages], { cwd: scratch, stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    const said = String(/** @type {{ stderr?: unknown }} */ (error).stderr ?? error).trim();
    throw new Error(
      `Debian's packages ${packages.join(', ')} can't be had: ${said} (apt-get update may help)`,
    );
  }
  for (const name of readdirSync(scratch).filter((file) => file.endsWith('.deb'))) {
    execFileSync('dpkg-deb', ['-x', join(scratch, name), folder]);
  }
}

/** The lines of run.sh that lend those libraries to hosts without. */
export function lendingLines() {
  return Object.entries(DEBIAN)
    .map(([set, { needed }]) => `  lend ${set} ${needed}`)
    .join('\n');
}

/** @param {string} path */
export function isLibrary(path) {
  return /\.(node|so(\.\d+)*)$/.test(basename(path)) || path === 'node/bin/node';
}
