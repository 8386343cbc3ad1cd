import { onTestFinished } from 'vitest';
import { openOutput } from '../../src/storage/output.js';
import type { OutputLocation, OutputStore } from '../../src/storage/output-types.js';
import type { ObjectServer } from './object-server.mjs';
import { S3_KEYS, s3Server, withEnvironment } from './s3.js';
import { objectServer, type ServerOptions } from './storage.js';
import { workspace } from './workspace.js';

/** A place to write to, gone when the test is over, and what is there as somebody else sees it. */
export interface Place {
  readonly location: OutputLocation;
  readonly store: OutputStore;
}

/** Servers that do not honour conditions are given this long, so as not to wait in tests. */
export const REMOTE = ['an object server', 's3rver'] as const;
export const PLACES = ['a local directory', ...REMOTE] as const;

/** An object server as a place, with the server to look into. */
export async function onObjectServer(options: ServerOptions = {}): Promise<Place & { server: ObjectServer }> {
  const { server, url } = await objectServer({ now: Date.now, ...options });
  const location = {
    uri: 's3://bucket/deep/out',
    options: { endpoint: url, allow_anonymous: 'true', timeout: '5' },
  };
  return { server, location, store: await openOutput(location) };
}

export async function placeOf(kind: (typeof PLACES)[number]): Promise<Place> {
  if (kind === 'an object server') return onObjectServer();
  if (kind === 'a local directory') {
    const location = { uri: workspace()('deep', 'out'), options: {} };
    return { location, store: await openOutput(location) };
  }
  withEnvironment(S3_KEYS);
  const { storage } = await s3Server();
  const location = { uri: 's3://data/deep/out', options: storage };
  return { location, store: await openOutput(location) };
}

/** Everything in a place, by name, as text. */
export async function contentOf({ store }: Place): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const folder of ['', '_manifest', '_dead_letters']) {
    for (const { name } of await store.list(folder)) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (!name.endsWith('/')) content[path] = Buffer.from((await store.read(path)) ?? '').toString();
    }
  }
  return content;
}

/** Does something once the test is over, for what takes its time. */
export const afterwards = (work: () => Promise<unknown>): void =>
  onTestFinished(async () => void (await work()));
