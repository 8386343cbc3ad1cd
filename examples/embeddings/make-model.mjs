// Writes embedding.onnx: a small model of the form that embedding models have (ids and a mask in, a vector of length 1 out).
//
// Its table is random numbers with a fixed seed, times how rare each word is in corpus.parquet: it has learned nothing. What
// it gives is a random projection of the words of a text, by which texts that share rare words are near each other
// (Johnson and Lindenstrauss). For meaning beyond words, put a trained model in its place: the job file stays as it is.
import { writeFileSync } from 'node:fs';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { model, node, tensor, value } from './onnx.mjs';
import { tokenOf, VOCABULARY, wordsOf } from './words.mjs';

const SIZE = 384;

const file = await asyncBufferFromFile(new URL('corpus.parquet', import.meta.url).pathname);
const texts = (await parquetReadObjects({ file, columns: ['text'] })).map(({ text }) => text);

const table = new Float32Array(VOCABULARY * SIZE);
const rarity = rarityOf(texts);
const random = normal(7);
for (let token = 1; token < VOCABULARY; token++) {
  for (let i = 0; i < SIZE; i++) table[token * SIZE + i] = random() * rarity[token];
}

writeFileSync(
  new URL('embedding.onnx', import.meta.url),
  model({
    inputs: [
      value('input_ids', 'int64', ['batch', 'tokens']),
      value('attention_mask', 'int64', ['batch', 'tokens']),
    ],
    outputs: [value('embedding', 'float32', ['batch', SIZE])],
    tensors: [
      tensor('table', 'float32', [VOCABULARY, SIZE], table),
      tensor('last', 'int64', [1], BigInt64Array.of(2n)),
      tensor('tokens', 'int64', [1], BigInt64Array.of(1n)),
      tensor('least', 'float32', [], Float32Array.of(1e-6)),
    ],
    nodes: [
      node('Gather', ['table', 'input_ids'], 'words'),
      node('Cast', ['attention_mask'], 'mask', { to: 1 }),
      node('Unsqueeze', ['mask', 'last'], 'column'),
      node('Mul', ['words', 'column'], 'kept'),
      node('ReduceSum', ['kept', 'tokens'], 'sum', { keepdims: 0 }),
      node('ReduceL2', ['sum'], 'length', { axes: [1], keepdims: 1 }),
      node('Max', ['length', 'least'], 'safe'),
      node('Div', ['sum', 'safe'], 'embedding'),
    ],
  }),
);
console.log(`embedding.onnx: ${VOCABULARY} words, ${SIZE} numbers each`);

/** Of each token, the logarithm of how many texts there are for one that has it: «the» says little of a text. */
function rarityOf(all) {
  const having = new Uint32Array(VOCABULARY);
  for (const text of all) for (const token of new Set(wordsOf(text).map(tokenOf))) having[token]++;
  return Float32Array.from(having, (count) => Math.log((1 + all.length) / (1 + count)));
}

/** Normal numbers (Box and Muller) from a generator with a seed (mulberry32). */
function normal(seed) {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
