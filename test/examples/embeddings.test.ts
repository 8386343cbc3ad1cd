import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { expect, test } from 'vitest';
import { playground } from '../docs/playground.js';
import { runPage } from '../docs/run-page.js';

test('the embedding example makes a vector of length 1 for each paragraph, near those that share its words', async () => {
  const ground = playground();
  await runPage('examples/embeddings/README.md', ground);
  const folder = join(ground.directory, 'examples/embeddings');
  const corpus = await parquetReadObjects({
    file: await asyncBufferFromFile(join(folder, 'corpus.parquet')),
  });
  const parts = readdirSync(join(folder, 'out')).filter((name) => name.endsWith('.parquet'));
  const rows = [];
  for (const part of parts.sort()) {
    rows.push(...(await parquetReadObjects({ file: await asyncBufferFromFile(join(folder, 'out', part)) })));
  }
  expect(rows.map(({ id }) => id)).toEqual(corpus.map(({ id }) => id));
  for (const { embedding } of rows) {
    expect(embedding).toHaveLength(384);
    expect(Math.hypot(...embedding)).toBeCloseTo(1, 4);
  }
  const { page, text } = rows[100] as { page: string; text: string };
  ground.write('question.txt', text);
  const { stdout } = await ground.run('node examples/embeddings/search.mjs "$(cat question.txt)"');
  expect(stdout).toContain(`1.00  ${page}\n      ${text.slice(0, 200)}`);
});
