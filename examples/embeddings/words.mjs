// How text becomes numbers, for the transform, for the script that makes the model, and for a query: all three must agree.

/** Rows of the model's table. 0 is for padding. */
export const VOCABULARY = 8192;
/** A longer text is cut off. */
const LONGEST = 256;

/** Lower-case words, without what stands between them. */
export function wordsOf(text) {
  return (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).slice(0, LONGEST);
}

/** A word's number: a hash of its letters (FNV-1a), so that no list of words is needed. */
export function tokenOf(word) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  return 1 + ((hash >>> 0) % (VOCABULARY - 1));
}
