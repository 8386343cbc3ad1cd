import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { loadServeConfig, startServer } from 'penstock';
import { expect, onTestFinished, test, vi } from 'vitest';
import { repository } from '../cli/penstock.js';
import { workspace } from '../helpers/workspace.js';

test('the serving example answers requests while a job runs beside, and the job is done', async () => {
  const at = workspace();
  for (const folder of ['examples/serve', 'examples/digits', 'native-models/digits']) {
    cpSync(join(repository, folder), at(folder), {
      recursive: true,
      filter: (path) => !path.endsWith('/out'),
    });
  }
  const config = await loadServeConfig(at('examples/serve/with-job.yaml'), {
    set: ['listen.port=0', 'listen.grpcPort=0'],
  });
  const server = await startServer(config);
  onTestFinished(() => server.close());
  const body = readFileSync(at('examples/serve/seven.json'), 'utf8');
  let answers = 0;
  await vi.waitFor(
    async () => {
      const response = await fetch(`${server.url}/v2/models/digits/infer`, { method: 'POST', body });
      expect(response.status).toBe(200);
      const { outputs } = (await response.json()) as { outputs: { data: number[] }[] };
      const logits = outputs[0]?.data ?? [];
      expect(logits.indexOf(Math.max(...logits))).toBe(7);
      answers++;
      const [job] = server.engine.stats().jobs;
      if (job?.state !== 'completed') throw new Error(`the job is ${job?.state}`);
    },
    { timeout: 30_000, interval: 1 },
  );
  expect(answers).toBeGreaterThan(0);
  const out = at('examples/serve/out/backlog');
  let rows = 0;
  for (const part of readdirSync(out).filter((name) => name.endsWith('.parquet'))) {
    rows += (await parquetReadObjects({ file: await asyncBufferFromFile(join(out, part)) })).length;
  }
  expect(rows).toBe(2000);
});
