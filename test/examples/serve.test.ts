import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { loadServeConfig, startServer } from 'penstock';
import { expect, onTestFinished, test } from 'vitest';
import { repository } from '../cli/penstock.js';
import { blocksOf } from '../docs/blocks.js';

test('the calls of the serving example do what is said of them', async () => {
  const config = await loadServeConfig(`${repository}examples/serve/serve.yaml`, {
    set: ['listen.port=0', 'listen.grpcPort=0'],
  });
  const server = await startServer(config);
  onTestFinished(() => server.close());
  const calls = blocksOf('examples/serve/README.md')
    .filter(({ language, notRun }) => language === 'sh' && notRun === undefined)
    .map(({ text }) => text.replaceAll('http://127.0.0.1:8000', server.url));
  const outputs: string[] = [];
  for (const call of calls) {
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', call], {
      cwd: repository,
      env: { ...process.env, no_proxy: '*' },
    });
    outputs.push(stdout);
  }
  const [there, json, binary, late] = outputs as [string, string, string, string];
  expect(outputs).toHaveLength(4);
  expect(there).toMatch(/^\{"ready":true\}\{"name":"digits",/);
  const { id, outputs: tensors } = JSON.parse(json);
  expect(id).toBe('seven');
  expect(largest(tensors[0].data)).toBe(7);
  const logits = binary.trim().split(/\s+/).map(Number);
  expect(logits).toHaveLength(10);
  logits.forEach((logit, i) => {
    // The pixels of the JSON are rounded.
    expect(logit).toBeCloseTo(tensors[0].data[i], 1);
  });
  expect(late).toMatch(/^\{"error":".*"\} 429\n$/);
});

const largest = (values: readonly number[]): number => values.indexOf(Math.max(...values));
