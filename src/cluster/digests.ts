import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Job } from '../job/schema.js';
import { modelFiles } from '../session/model-files.js';
import type { RunPayload } from './payload.js';

/** Of what a job is made of besides its data. */
export async function digestsOf({ model, transform }: Job): Promise<RunPayload['digests']> {
  const { uri, runtime } = model;
  return {
    ...(uri !== undefined && { model: await digestOf(await modelFiles(runtime, uri)) }),
    ...(transform !== undefined && { transform: await digestOf([transform]) }),
  };
}

async function digestOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) for await (const piece of createReadStream(file)) hash.update(piece);
  return `sha256:${hash.digest('hex')}`;
}
