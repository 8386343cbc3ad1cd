import { distance } from 'fastest-levenshtein';

/** What people get wrong besides letters: `max_delay_ms`, `MaxDelayMs`, `batch.size`. */
function fold(word: string): string {
  return word.toLowerCase().replace(/[-_.\s]/g, '');
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
    const d = distance(folded, fold(candidate));
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
