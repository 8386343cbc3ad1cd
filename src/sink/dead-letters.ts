import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SplitLetters } from '../produce/bad-rows.js';
import { writeError, writeFileAtomically } from './atomic-file.js';

/** Where bad rows go, in the output directory: `part-00000.jsonl` …, one line a row, for each part that has any. */
export const DEAD_LETTERS = '_dead_letters';

export const lettersFile = (ordinal: number): string => `part-${String(ordinal).padStart(5, '0')}.jsonl`;

/** Writes the bad rows of one split, whole; nothing where it has none. */
export async function writeDeadLetters(directory: string, { ordinal, letters }: SplitLetters): Promise<void> {
  if (letters.length === 0) return;
  const folder = join(directory, DEAD_LETTERS);
  await mkdir(folder, { recursive: true }).catch((cause) => {
    throw writeError(folder, cause);
  });
  const lines = letters.map((letter) => `${JSON.stringify(letter)}\n`).join('');
  await writeFileAtomically(folder, lettersFile(ordinal), Buffer.from(lines));
}
