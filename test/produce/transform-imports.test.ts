import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { loadsModules } from '../../src/produce/transform-imports.js';
import { workspace } from '../helpers/workspace.js';

test.each([
  [false, 'export default (batch) => ({ y: batch.getChild("x").toArray() });'],
  [false, "import { createHash } from 'node:crypto';\nexport default () => ({});"],
  [false, 'const { join } = await import("node:path"); export default () => import.meta.url;'],
  [true, "import { vectorFromArray } from 'apache-arrow';"],
  [true, "import './side-effect.mjs';"],
  [true, "export * from './other.mjs';"],
  [
    true,
    "import { createRequire } from 'node:module';\nconst arrow = createRequire(import.meta.url)('apache-arrow');",
  ],
  [true, 'const name = "apache-arrow"; await import(name);'],
  [true, "import fs from 'node:fs'; const x = require(name);"],
])('a transform may load modules beside Node’s own: %s, of %s', (expected, text) => {
  const at = workspace();
  writeFileSync(at('transform.mjs'), text);
  expect(loadsModules(at('transform.mjs'))).toBe(expected);
  expect(loadsModules(pathToFileURL(at('transform.mjs')).href)).toBe(expected);
});

test('one that is not there may load anything: who runs it says what is wrong', () => {
  expect(loadsModules('/nowhere/transform.mjs')).toBe(true);
});
