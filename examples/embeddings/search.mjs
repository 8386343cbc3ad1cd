// Finds the paragraphs nearest to a question, among those that the job has embedded.
//
//   node search.mjs 'what happens when a run is killed?'
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { tokenOf, wordsOf } from './words.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const question = process.argv.slice(2).join(' ');

const session = await InferenceSession.create(join(here, 'embedding.onnx'));
const tokens = BigInt64Array.from(wordsOf(question), (word) => BigInt(tokenOf(word)));
const { embedding } = await session.run({
  input_ids: new Tensor('int64', tokens, [1, tokens.length]),
  attention_mask: new Tensor('int64', new BigInt64Array(tokens.length).fill(1n), [1, tokens.length]),
});

const found = [];
for (const part of readdirSync(join(here, 'out')).filter((name) => name.endsWith('.parquet'))) {
  const file = await asyncBufferFromFile(join(here, 'out', part));
  for (const row of await parquetReadObjects({ file, columns: ['page', 'text', 'embedding'] })) {
    // Vectors are of length 1: their product is the cosine of the angle between them.
    const nearness = row.embedding.reduce((sum, one, i) => sum + one * embedding.data[i], 0);
    found.push({ nearness, page: row.page, text: row.text });
  }
}
found.sort((a, b) => b.nearness - a.nearness);
for (const { nearness, page, text } of found.slice(0, 3)) {
  console.log(`${nearness.toFixed(2)}  ${page}\n      ${text.slice(0, 200)}\n`);
}
