// Words and marks of a text as numbers: each is the hash of its letters (FNV-1a) among `VOCABULARY`; 0 is for padding.
// A real tokenizer would be loaded in `setup`, once in each producer's thread.

const VOCABULARY = 30_000;
/** A model has a longest input; a longer text is cut off. */
const LONGEST = 1024;

/** Only these columns are read for it, beside those that the job itself needs. */
export const columns = ['text'];

/**
 * @param {import('apache-arrow').RecordBatch} batch
 * @param {import('penstock').TransformContext} context
 * @returns {import('penstock').Columns}
 */
export default function tokenize(batch, { keep }) {
  const tokens = Array.from(batch.getChild('text'), tokensOf);
  // A typed array a row makes a column of lists; `keep` says which rows go on: those with a text in them.
  return { tokens, [keep]: tokens.map(({ length }) => length > 0) };
}

function tokensOf(text) {
  const words = text.toLowerCase().match(/[a-z0-9']+|[^\sa-z0-9']/g) ?? [];
  return Int32Array.from(words.slice(0, LONGEST), (word) => {
    let hash = 0x811c9dc5;
    for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
    return 1 + ((hash >>> 0) % (VOCABULARY - 1));
  });
}
