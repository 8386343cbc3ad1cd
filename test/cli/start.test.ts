// What is loaded before anything is done: the time that a start takes goes by it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { workspace } from '../helpers/workspace.js';
import { repository } from './penstock.js';

const HOOK = new URL('./fixtures/loaded.mjs', import.meta.url).href;

/** Packages of which a process of Node.js loads anything. */
function loadedBy(...args: readonly string[]): string[] {
  const LOADED = workspace()('loaded');
  execFileSync(process.execPath, ['--import', HOOK, ...args], {
    cwd: repository,
    env: { ...process.env, LOADED },
  });
  const packages = readFileSync(LOADED, 'utf8')
    .split('\n')
    .flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
  return [...new Set(packages)].sort();
}

test.each(['--version', '--help'])('penstock %s loads what reads its arguments, and nothing else', (flag) => {
  expect(loadedBy(join(repository, 'dist/cli/main.js'), flag)).toEqual([
    'commander',
    'fastest-levenshtein',
    'picocolors',
  ]);
});

test('the library loads what jobs are made of, and engines and servers once they are used', () => {
  expect(loadedBy('--input-type=module', '--eval', "import 'penstock';")).toEqual([
    ...['apache-arrow', 'fastest-levenshtein', 'fdir', 'flatbuffers', 'picomatch', 'piscina'],
    ...['tinyglobby', 'tslib', 'yaml', 'zod'],
  ]);
});
