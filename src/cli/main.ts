#!/usr/bin/env node
import { readFileSync } from 'node:fs';

/*
 * Whoever has a Node.js that we can't run on is told so, rather than met by a SyntaxError of some package. What a module
 * imports is read before any of it runs: so the rest is imported only then, and nothing here is newer than Node.js 12.
 */
const file = new URL('../../package.json', import.meta.url);
const { engines } = JSON.parse(readFileSync(file, 'utf8')) as { readonly engines: { readonly node: string } };
/** `>=20.19`, or of several lines `^20.19 || >=22.2`. */
const ranges = engines.node.split('||').map((range) => range.trim());
if (ranges.some(isWithin)) void import('./command-line.js');
else refuse();

function isWithin(range: string): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = leastOf(range).split('.').map(Number);
  if (major === leastMajor) return minor >= leastMinor;
  return major > leastMajor && !range.startsWith('^');
}

function leastOf(range: string): string {
  return range.replace(/^(?:>=|\^)/, '');
}

function refuse(): void {
  const wanted = ranges.map((range) => {
    const least = leastOf(range);
    return range.startsWith('^') ? `${least} or newer of ${least.split('.')[0]}` : `${least} or newer`;
  });
  const message = `Node.js ${wanted.join(', or ')} is needed, and this is ${process.versions.node} (${process.execPath})`;
  const hint = 'Get it from https://nodejs.org, or by a version manager, for instance: nvm install --lts';
  process.stderr.write(`penstock: ${message}\n  ${hint}\n`);
  if (process.argv.includes('--json')) {
    const place = { file: null, line: null, key: null, row: null, column: null };
    const document = { job: null, status: 'failed', error: { code: 'USAGE', message, hint, ...place } };
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }
  process.exitCode = 2;
}
