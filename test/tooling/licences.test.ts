import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundledPackages } from '../../scripts/bundle/contents.mjs';
import { noticesOf } from '../../scripts/bundle/notices.mjs';
import { isPermissive } from '../../scripts/licences.mjs';
import { productionPackages } from '../../scripts/packages.mjs';
import { repository } from '../cli/penstock.js';

test.each([
  ['MIT', true],
  ['GPL-3.0-only', false],
  ['MIT OR GPL-3.0-only', true],
  ['GPL-3.0-only OR MIT', true],
  ['MIT AND GPL-3.0-only', false],
  ['(MIT OR CC0-1.0)', true],
  ['Apache-2.0 AND (GPL-2.0-only OR ISC)', true],
  ['Apache-2.0 AND (GPL-2.0-only OR LGPL-3.0-only)', false],
  ['GPL-2.0-only AND MIT OR MIT', true],
  ['(MIT', false],
  ['MIT MIT', false],
  ['SEE LICENSE IN LICENSE', false],
  ['', false],
  [undefined, false],
])('%s: may it be used? %s', (expression, may) => {
  expect(isPermissive(expression)).toBe(may);
});

test('every package that is installed where Penstock runs has a permissive licence', () => {
  const packages = productionPackages();
  expect(packages.length).toBeGreaterThan(100);
  expect(packages.filter(({ entry }) => !isPermissive(entry.license))).toEqual([]);
});

const isForBundles = process.platform === 'linux' && process.arch === 'x64';

test.runIf(isForBundles)('a bundle has the text of every licence in it', () => {
  const packages = bundledPackages();
  const notices = noticesOf(packages);
  for (const { name, path, entry } of packages) {
    const own = readdirSync(join(repository, path)).some((file) => /^(licen[cs]e|copying)/i.test(file));
    expect(notices).toContain(`${name} ${entry.version}: ${entry.license}`);
    if (!own)
      expect(notices, name).toMatch(new RegExp(`^${name} .*\\n {2}(©|its text is that of LICENSE)`, 'm'));
  }
  // Of which penstock/LICENSE is the text.
  expect(readFileSync(join(repository, 'LICENSE'), 'utf8')).toContain('Apache License');
});
