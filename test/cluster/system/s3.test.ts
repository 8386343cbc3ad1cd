import { mkdirSync, writeFileSync } from 'node:fs';
import { loadJob, runJob } from 'penstock';
import { expect, test } from 'vitest';
import { start } from '../../cli/penstock.js';
import { int32, vectors, writeArrow } from '../../helpers/arrow.js';
import { NO_REDIS, REDIS, redisServer } from '../../helpers/redis.js';
import { S3_KEYS, s3Server, upload, withEnvironment } from '../../helpers/s3.js';
import { workspace } from '../../helpers/workspace.js';

const SPLITS = 6;
const ROWS = 50;

/** What is below a prefix of the bucket `data`, by name, without leases. */
async function contentOf(endpoint: string, prefix: string): Promise<Map<string, Buffer>> {
  const { Operator } = await import('opendal');
  const { AWS_ACCESS_KEY_ID: access_key_id, AWS_SECRET_ACCESS_KEY: secret_access_key } = S3_KEYS;
  const keys = { access_key_id, secret_access_key, disable_ec2_metadata: 'true' };
  const operator = new Operator('s3', { bucket: 'data', endpoint, region: 'us-east-1', ...keys });
  const entries = await operator.list(prefix, { recursive: true });
  const names = entries
    .map((entry) => entry.path())
    .filter((name) => !name.endsWith('/') && !/lease-/.test(name));
  const read = names.map(async (name) => [name.slice(prefix.length), await operator.read(name)] as const);
  return new Map(await Promise.all(read));
}

test('workers share a job whose data and output are on a server that speaks S3, with keys of their own', async (context) => {
  context.skip(!REDIS, NO_REDIS);
  withEnvironment(S3_KEYS);
  const at = workspace();
  mkdirSync(at('files'));
  for (let split = 0; split < SPLITS; split++) {
    const ids = Array.from({ length: ROWS }, (_, i) => split * ROWS + i);
    writeArrow(at('files', `${String(split).padStart(2, '0')}.arrow`), [
      [
        int32('id', ids),
        vectors(
          'x',
          4,
          ids.flatMap((id) => [id, id + 1, id + 2, id + 3]),
        ),
      ],
    ]);
  }
  const { endpoint, storage } = await s3Server();
  await upload(endpoint, at('files'), 'set/');
  const job = at('job.yaml');
  writeFileSync(
    job,
    JSON.stringify({
      name: 'on-s3',
      source: { uri: 's3://data/set/', storage },
      model: { runtime: 'simulated', options: { batchMicros: 1000 } },
      inputs: { x: {} },
      batch: { size: ROWS },
      sink: { uri: 's3://data/out', storage, keep: ['id'] },
    }),
  );
  const { url } = await redisServer();
  const workers = [0, 1].map(() => start(['worker', '--queue', url, '--providers', 'cpu']));
  const { code, stderr } = await start(['submit', job, '--queue', url, '--shards', '2', '--wait']).ended;
  expect(code, stderr).toBe(0);
  for (const { child, ended } of workers) {
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
  }
  await runJob(await loadJob(job, { set: ['sink.uri=s3://data/alone'] }));
  const [found, expected] = [await contentOf(endpoint, 'out/'), await contentOf(endpoint, 'alone/')];
  expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [name, bytes] of expected) expect(found.get(name)?.equals(bytes), name).toBe(true);
}, 300_000);
