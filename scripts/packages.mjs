// @ts-check
// The packages that are installed where Penstock runs, as the lock file tells them: those of developers are left out.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './steps.mjs';

/**
 * @typedef {object} LockEntry of package-lock.json, the part of it that is read
 * @property {string} version
 * @property {string} [license] an SPDX expression
 * @property {boolean} [dev]
 * @property {boolean} [optional]
 * @property {boolean} [devOptional]
 * @property {boolean} [peer]
 * @property {boolean} [hasInstallScript]
 * @property {string[]} [os]
 * @property {string[]} [cpu]
 * @property {string[]} [libc]
 */

/**
 * @typedef {object} ProductionPackage
 * @property {string} name
 * @property {string} path of its folder, from the root of the repository: `node_modules/…`
 * @property {boolean} isOptional whether Penstock is installed without it where it can't be
 * @property {LockEntry} entry
 */

/** @returns {ProductionPackage[]} for all platforms, installed here or not, in the order of the lock file */
export function productionPackages() {
  /** @type {{ packages: Record<string, LockEntry> }} */
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(packages).flatMap(([path, entry]) => {
    if (path === '' || entry.dev === true) return [];
    const isOptional = entry.optional === true || entry.devOptional === true || entry.peer === true;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    return [{ name, path, isOptional, entry }];
  });
}
