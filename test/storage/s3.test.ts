import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { listObjects } from '../../src/storage/store.js';
import { S3_KEYS, s3Server, upload, withEnvironment } from '../helpers/s3.js';
import { objectServer, opened, randomBytes } from '../helpers/storage.js';
import { workspace } from '../helpers/workspace.js';

const NO_KEYS = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };

async function withFiles(...names: string[]) {
  const at = workspace();
  mkdirSync(at('data'));
  for (const name of names) writeFileSync(at('data', name), randomBytes(300_000, name.length));
  const server = await s3Server();
  await upload(server.endpoint, at('data'), 'set/');
  return server;
}

describe('an S3-compatible server', () => {
  test('is listed and read with the keys of the environment', async () => {
    withEnvironment(S3_KEYS);
    const { storage } = await withFiles('a.bin', 'b c+ä.bin', '_SUCCESS');
    const access = { options: storage };
    const objects = await listObjects('s3://data/set', access);
    expect(objects.map(({ uri, size }) => [uri, size])).toEqual([
      ['s3://data/set/a.bin', 300_000],
      ['s3://data/set/b c+ä.bin', 300_000],
    ]);
    expect(await listObjects('s3://data/set/*+?.bin', access)).toEqual(objects.slice(1));
    for (const object of objects) {
      const into = new Uint8Array(200_000);
      await (await opened(object, access)).read(50_000, into);
      const name = object.uri.slice('s3://data/set/'.length);
      expect(Buffer.compare(into, randomBytes(300_000, name.length).subarray(50_000, 250_000))).toBe(0);
    }
  });

  test('that does not know the keys denies access, and the error says what to set', async () => {
    withEnvironment({ ...S3_KEYS, AWS_ACCESS_KEY_ID: 'somebody' });
    const { storage } = await withFiles('a.bin');
    const failure = listObjects('s3://data/set/a.bin', { options: storage });
    await expect(failure).rejects.toThrow('s3://data/set/a.bin: access was denied (HTTP 403');
    await expect(failure).rejects.toMatchObject({ hint: expect.stringContaining('AWS_SECRET_ACCESS_KEY') });
  });

  test('is asked with a signature where there are keys, else without', async () => {
    const { server, s3 } = await objectServer();
    server.put('/data/a', randomBytes(10));
    withEnvironment(NO_KEYS);
    await listObjects('s3://data/', s3);
    withEnvironment(S3_KEYS);
    await listObjects('s3://data/', s3);
    expect(server.seen.map(({ authorization }) => authorization)).toEqual([
      undefined,
      expect.stringMatching(/^AWS4-HMAC-SHA256 Credential=S3RVER/),
    ]);
  });
});
