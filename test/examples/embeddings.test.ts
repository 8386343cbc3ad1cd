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
  const corpus = await parquetReadObjects({ file: await asyncBufferFromFile(join(folder, 'corpus.parquet')) });
  const parts = readdirSync(join(folder, 'out')).filter((name) => name.endsWith('.parquet'));
  expect(parts.length).toBeGreaterThan(1);
  const rows = [];
  for (const part of parts.sort()) {
    rows.push(...(await parquetReadObjects({ file: await asyncBufferFromFile(join(folder, 'out', part)) })));
  }
  expect(rows.map(({ id }) => id)).toEqual(corpus.map(({ id }) => id));
  for (const { embedding } of rows) {
    expect(embedding).toHaveLength(128);
    expect(Math.hypot(...embedding)).toBeCloseTo(1, 4);
  }
  const { stdout } = await ground.run('node examples/embeddings/search.mjs which locks keep a second writer out of an output');
  expect(stdout).toMatch(/lease/);
});
