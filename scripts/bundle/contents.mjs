// @ts-check
// Which files go into a bundle, by the rules in rules.mjs.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import picomatch from 'picomatch';
import { globSync } from 'tinyglobby';
import { productionPackages } from '../packages.mjs';
import { root } from '../steps.mjs';
import {
  BY_PACKAGE,
  FILES_OUT,
  LICENCES,
  PACKAGES_OUT,
  PENSTOCK_ALSO,
  PENSTOCK_OUT,
  PLATFORM,
} from './rules.mjs';

/** @typedef {{ from: string, to: string, mode?: number }} BundledFile `to` is relative to the bundle's folder */

const isLicence = anyOf(LICENCES);

/**
 * @param {readonly string[]} globs
 * @returns {(path: string) => boolean}
 */
function anyOf(globs) {
  const tests = globs.map((glob) => picomatch(glob, { dot: true }));
  return (path) => tests.some((fits) => fits(path));
}

/**
 * Penstock as npm would pack it, and what a bundle has of it besides.
 * @returns {BundledFile[]}
 */
export function penstockFiles() {
  const packed = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 64 * 1024 * 1024,
    }),
  );
  /** @type {string[]} */
  const names = packed[0].files.map((/** @type {{ path: string }} */ file) => file.path);
  const isOut = anyOf(PENSTOCK_OUT);
  const also = globSync(PENSTOCK_ALSO, { cwd: root });
  const all = new Set([...names.filter((name) => isLicence(name) || !isOut(name)), ...also]);
  return [...all].map((name) => ({
    from: join(root, name),
    to: `penstock/${name}`,
  }));
}

/**
 * What Penstock depends on where a bundle runs, as the lock file tells it and as it is installed here.
 * @returns {import('../packages.mjs').ProductionPackage[]}
 */
export function bundledPackages() {
  const isOut = anyOf(PACKAGES_OUT);
  return productionPackages().filter(({ name, path, isOptional, entry }) => {
    if (!fits(entry) || isOut(name)) return false;
    if (existsSync(join(root, path))) return true;
    if (isOptional) return false;
    throw new Error(`${path} is not installed: run npm ci first`);
  });
}

/** @returns {BundledFile[]} */
export function packageFiles() {
  return bundledPackages().flatMap(({ name, path }) => filesOf(name, path));
}

/** @param {import('../packages.mjs').LockEntry} entry */
function fits({ os, cpu, libc }) {
  const has = (/** @type {string[] | undefined} */ list, /** @type {string} */ one) =>
    list?.includes(one) ?? true;
  return has(os, PLATFORM.os) && has(cpu, PLATFORM.cpu) && has(libc, PLATFORM.libc);
}

/**
 * @param {string} name of a package
 * @param {string} path of its folder
 * @returns {BundledFile[]}
 */
function filesOf(name, path) {
  const rules = Object.entries(BY_PACKAGE).filter(([pattern]) => picomatch(pattern)(name));
  const only = rules.flatMap(([, rule]) => rule.only ?? []);
  const isOut = anyOf([...FILES_OUT, ...rules.flatMap(([, rule]) => rule.but ?? [])]);
  const isIn = only.length === 0 ? () => true : anyOf(only);
  const folder = join(root, path);
  // Packages inside of it have an entry of their own.
  return globSync('**', {
    cwd: folder,
    dot: true,
    ignore: ['**/node_modules/**'],
    followSymbolicLinks: false,
  })
    .filter((file) => isLicence(file) || (isIn(file) && !isOut(file)))
    .map((file) => ({ from: join(folder, file), to: `penstock/${path}/${file}` }));
}
