import { distance } from 'fastest-levenshtein';

/** What people get wrong besides letters: `max_delay_ms`, `MaxDelayMs`, `batch.size`. */
function fold(word: string): string {
  return word.toLowerCase().replace(/[-_.\s]/g, '');
}

/** Whether two neighbouring letters have changed places: one slip, of which Levenshtein makes two. */
function isSwapped(a: string, b: string): boolean {
  const at = [...a].findIndex((letter, i) => letter !== b[i]);
  return at >= 0 && a.slice(0, at) + a.charAt(at + 1) + a.charAt(at) + a.slice(at + 2) === b;
}

/**
 * The candidate that was probably meant by a misspelt word: the nearest by edit distance, case and separators
 * aside, if at most about a third of its letters differ.
 */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  const folded = fold(word);
  let best: string | undefined;
  // Two, so that swapped letters are found in short words too.
  let bestDistance = (folded.length < 4 ? 1 : Math.max(2, Math.floor(folded.length / 3))) + 1;
  for (const candidate of candidates) {
    const other = fold(candidate);
    const d = isSwapped(folded, other) ? 1 : distance(folded, other);
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

/**
 * The dotted keys that a word written in the wrong place may have been meant for: `size` and `batchSize` both
 * find `batch.size`.
 */
export function suggestElsewhere(word: string, dottedKeys: readonly string[]): string[] {
  const folded = fold(word);
  return dottedKeys.filter((key) => {
    const leaf = key.slice(key.lastIndexOf('.') + 1);
    return fold(leaf) === folded || fold(key) === folded;
  });
}
