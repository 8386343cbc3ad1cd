import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tableFor, withTable } from '../../bench/peers/readme.mjs';
import { repository } from '../cli/penstock.js';

const page = readFileSync(join(repository, 'README.md'), 'utf8');
const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
const tableOf = (text: string): string[][] => {
  const [, between = ''] = /<!-- peers: [^\n]*-->\n(.*?)<!-- \/peers -->/s.exec(text) ?? [];
  return between.trim().split('\n').map(cellsOf);
};

/** Measured twice, with a third that was disturbed. */
const MEASURED = {
  'penstock-1/arrow 64': [2e6, 1e6, 9e6].map((rowsPerSecond) => ({
    copy: { rowsPerSecond },
    work: { busy: 0.95 },
  })),
  'ray/light, arrow 512, 1 thread': [{ rows: 1e6, seconds: 4 }],
};

test('the table of peers in the README has the rows and columns that the script makes', () => {
  const made = tableOf(withTable(page, tableFor({ measured: {} })));
  const [head, , ...rows] = tableOf(page);
  expect(head).toEqual(made[0]);
  expect(rows.map(([name, how]) => [name, how])).toEqual(made.slice(2).map(([name, how]) => [name, how]));
});

test('a table that is measured anew takes the place of the one before, and nothing else changes', () => {
  const again = withTable(page, tableFor({ measured: MEASURED }));
  const rows = tableOf(again);
  expect(rows.find(([name]) => name === 'Penstock, 1 producer')?.slice(2)).toEqual([
    '2.05',
    '',
    '95.0',
    '',
    '',
    '',
  ]);
  expect(rows.find(([name]) => name === 'Ray Data')?.slice(2)).toEqual(['', '', '', '', '', '250']);
  const [before, after] = page.split(/<!-- peers: .*<!-- \/peers -->/s);
  expect(again.startsWith(before ?? '?')).toBe(true);
  expect(again.endsWith(after ?? '?')).toBe(true);
  expect(withTable(again, tableFor({ measured: MEASURED }))).toBe(again);
});
