import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { submitJob } from 'penstock';
import { beforeEach, describe, expect, test } from 'vitest';
import { NO_REDIS, REDIS, redisServer } from '../helpers/redis.js';
import { withEnvironment } from '../helpers/s3.js';
import { objectServer } from '../helpers/storage.js';
import { idsIn, smallJob, upTo, work } from './small-run.js';

beforeEach((context) => context.skip(!REDIS, NO_REDIS));

const digestOf = (file: string): string =>
  `sha256:${createHash('sha256').update(readFileSync(file)).digest('hex')}`;

/** A job with a transform beside which lies a module that it does not know of; and a queue. */
async function withTransform(text = 'export default () => ({});\n') {
  const redis = await redisServer();
  const small = smallJob();
  const transform = small.at('transform.mjs');
  writeFileSync(transform, text);
  withEnvironment({ PENSTOCK_CACHE: small.at('cache') });
  const submitted = () => submitJob({ ...small.job, transform }, { queue: redis.url, shards: 2 });
  return { redis, transform, submitted, ...small };
}

describe('the code of a run', () => {
  test('is run by a worker that allows its digest', async () => {
    const { redis, transform, submitted, out, rows } = await withTransform();
    await submitted();
    const worker = await work(redis, { allowDigests: [digestOf(transform)] });
    await worker.said.until('run-ended');
    expect(await idsIn(out)).toEqual(upTo(rows));
  });

  test('is what its digest says and no more: what it imports besides is not run', async () => {
    const { redis, transform, submitted, at } = await withTransform(
      'export { default } from "./other.mjs";\n',
    );
    writeFileSync(at('other.mjs'), 'export default () => ({});\n');
    await submitted();
    const worker = await work(redis, { allowDigests: [digestOf(transform)] });
    const [failed] = await worker.said.until('run-failed');
    expect(failed?.error.message).toContain('other.mjs');
  });

  test('that has changed since it was submitted is not run, and fails the run at once', async () => {
    const { redis, transform, submitted } = await withTransform();
    const digest = digestOf(transform);
    await submitted();
    writeFileSync(transform, 'export default () => ({ evil: [1] });\n');
    const worker = await work(redis, { allowDigests: [digest] });
    const [failed] = await worker.said.until('run-failed');
    expect(failed?.error.message).toContain(
      `the transform at ${transform} is not the one that was submitted`,
    );
    expect(worker.said.of('shard-failed').filter(({ again }) => again)).toEqual([]);
  });

  test.each(['claims to have none', 'claims a digest that is allowed'])(
    'is refused by its worker where the run %s',
    async (claim) => {
      const { redis, transform, submitted, at } = await withTransform();
      writeFileSync(at('good.mjs'), 'export default () => ({ good: [] });\n');
      const allowed = digestOf(at('good.mjs'));
      const { run } = await submitted();
      const key = `bull:penstock:${run}`;
      const data = JSON.parse((await redis.client().hget(key, 'data')) ?? '');
      if (claim === 'claims to have none') delete data.needs.code;
      else
        Object.assign(data, { needs: { ...data.needs, code: [allowed] }, digests: { transform: allowed } });
      await redis.client().hset(key, 'data', JSON.stringify(data));
      const worker = await work(redis, { allowDigests: [allowed] });
      const [failed] = await worker.said.until('run-failed');
      expect(failed?.error.message).toContain(
        claim === 'claims to have none'
          ? "the job's transform"
          : `the transform at ${transform} is not the one that was submitted`,
      );
    },
  );

  test('and its model may be in storage, from where workers fetch them once', async () => {
    const redis = await redisServer();
    const { server, url } = await objectServer();
    const { job, out, rows, at } = smallJob();
    withEnvironment({
      AWS_ENDPOINT_URL: url,
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      PENSTOCK_CACHE: at('cache'),
    });
    const text = `
      export async function load() {
        return {
          inputs: [{ name: 'x', dtype: 'float32', dims: ['batch', 2] }],
          outputs: [{ name: 'y', dtype: 'float32', dims: ['batch'] }],
          run([x], [y]) {
            for (let row = 0; row < x.dims[0]; row++) y.data[row] = x.data[2 * row];
          },
        };
      }`;
    server.put('/code/model.mjs', Buffer.from(text));
    server.put('/code/transform.mjs', Buffer.from('export default () => ({});\n'));
    const remote = {
      ...job,
      model: { runtime: 'module' as const, uri: 's3://code/model.mjs' },
      transform: 's3://code/transform.mjs',
    };
    await submitJob(remote, { queue: redis.url, shards: 3 });
    const workers = await Promise.all([work(redis, { allowCode: true }), work(redis, { allowCode: true })]);
    await Promise.race(workers.map((worker) => worker.said.until('run-ended')));
    expect(await idsIn(out)).toEqual(upTo(rows));
    const gets = server.seen.filter(({ method, list }) => method === 'GET' && !list);
    expect(gets.map((seen) => seen.path).sort()).toEqual(['/code/model.mjs', '/code/transform.mjs']);
  });
});
