// Runs in the producers' threads, on whole record batches. A tokenizer of a real model would be loaded in `setup`.
import { tokenOf, wordsOf } from './words.mjs';

/** Read beside the columns that the job itself needs. */
export const columns = ['text'];

/**
 * @param {import('apache-arrow').RecordBatch} batch
 * @param {import('penstock').TransformContext} context
 * @returns {import('penstock').Columns}
 */
export default function tokenize(batch, { keep }) {
  // A typed array a row makes a column of lists, of any length.
  const tokens = Array.from(batch.getChild('text'), (text) =>
    BigInt64Array.from(wordsOf(text), (word) => BigInt(tokenOf(word))),
  );
  // Rows without a word have nothing to embed.
  return { tokens, [keep]: tokens.map(({ length }) => length > 0) };
}
