import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Operator } from 'opendal';
import S3rver from 's3rver';
import { onTestFinished } from 'vitest';
import { workspace } from './workspace.js';

/** The keys that the server knows. */
export const S3_KEYS = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' };

/** Sets variables of the environment for the length of a test; undefined takes one out. */
export function withEnvironment(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name];
    onTestFinished(() => set(name, before));
    set(name, value);
  }
}

function set(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

/** An S3-compatible server with a bucket `data`, over loopback, gone when the test is over. */
export async function s3Server() {
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory: workspace()(),
    configureBuckets: [{ name: 'data' }],
  });
  const { port } = await server.run();
  onTestFinished(() => {
    const closed = server.close();
    // A client keeps its connections open for the next request, and a closing server would wait for them.
    server.httpServer.closeAllConnections();
    return closed;
  });
  const endpoint = `http://127.0.0.1:${port}`;
  return { endpoint, storage: { endpoint, region: 'us-east-1' } };
}

/** A client of the bucket `data` that is not ours. */
export async function operatorOf(endpoint: string): Promise<Operator> {
  const { Operator } = await import('opendal');
  return new Operator('s3', {
    bucket: 'data',
    endpoint,
    region: 'us-east-1',
    access_key_id: S3_KEYS.AWS_ACCESS_KEY_ID,
    secret_access_key: S3_KEYS.AWS_SECRET_ACCESS_KEY,
    disable_ec2_metadata: 'true',
  });
}

/** Puts the files of a folder into the bucket. */
export async function upload(endpoint: string, folder: string, prefix = ''): Promise<void> {
  const operator = await operatorOf(endpoint);
  for (const name of readdirSync(folder)) {
    await operator.write(prefix + name, readFileSync(join(folder, name)));
  }
}
