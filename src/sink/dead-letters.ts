import type { SplitLetters } from '../produce/bad-rows.js';
import type { OutputStore } from '../storage/output-types.js';
import { lettersFile } from './output-files.js';

/** Writes the bad rows of one split, whole: one line a row; nothing where it has none. */
export async function writeDeadLetters(
  store: OutputStore,
  { ordinal, letters }: SplitLetters,
): Promise<void> {
  if (letters.length === 0) return;
  const lines = letters.map((letter) => `${JSON.stringify(letter)}\n`).join('');
  await store.write(lettersFile(ordinal), Buffer.from(lines));
}
