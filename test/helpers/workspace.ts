import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Table } from 'apache-arrow';
import { onTestFinished } from 'vitest';
import { readArrow } from './arrow.js';

/** A temporary directory that is gone when the test is over. Returns paths in it. */
export function workspace(): (...names: string[]) => string {
  const directory = mkdtempSync(join(tmpdir(), 'penstock-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return (...names) => join(directory, ...names);
}

/** The parts of an output directory, in order. */
export async function readParts(directory: string): Promise<Table[]> {
  const names = (await readdir(directory)).filter((name) => name.startsWith('part-')).sort();
  return names.map((name) => readArrow(join(directory, name)));
}

/** One column over all parts, as plain values. */
export async function readColumn(directory: string, column: string): Promise<unknown[]> {
  const tables = await readParts(directory);
  return tables.flatMap((table) => Array.from(table.getChild(column) ?? [], (value) => value));
}
