#!/usr/bin/env node
import { readFileSync } from 'node:fs';

/*
 * Whoever has an older Node.js than we need is told so, rather than met by a SyntaxError of some package. What a module
 * imports is read before any of it runs: so the rest is imported only then, and nothing here is newer than Node.js 12.
 */
const file = new URL('../../package.json', import.meta.url);
const { engines } = JSON.parse(readFileSync(file, 'utf8')) as { readonly engines: { readonly node: string } };
const least = engines.node.replace('>=', '');
if (isOlder(process.versions.node, least)) refuse();
else void import('./command-line.js');

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = than.split('.').map(Number);
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}

function refuse(): void {
  const message = `Node.js ${least} or newer is needed, and this is ${process.versions.node} (${process.execPath})`;
  const hint = 'Get it from https://nodejs.org, or by a version manager, for instance: nvm install --lts';
  process.stderr.write(`penstock: ${message}\n  ${hint}\n`);
  if (process.argv.includes('--json')) {
    const place = { file: null, line: null, key: null, row: null, column: null };
    const document = { job: null, status: 'failed', error: { code: 'USAGE', message, hint, ...place } };
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }
  process.exitCode = 2;
}
