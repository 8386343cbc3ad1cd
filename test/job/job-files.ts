import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { loadJob } from '../../src/job/load.js';
import type { Job } from '../../src/job/schema.js';
import { UsageError } from '../../src/util/errors.js';

/** The least that is a job, in three lines. */
export const LEAST = 'source: { uri: a.arrow }\nmodel: { uri: m.onnx }\nsink: { format: none }\n';

/** A folder for job files, there while the tests of a file run. */
export function jobFolder() {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'penstock-job-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const write = async (text: string, name = 'job.yaml'): Promise<string> => {
    const file = path.join(folder, name);
    await writeFile(file, text);
    return file;
  };
  return {
    path: (...parts: string[]) => path.join(folder, ...parts),
    write,
    async load(text: string, set: readonly string[] = [], name?: string): Promise<Job> {
      return loadJob(await write(text, name), { set });
    },
    /** The UsageError that loading throws, and its message with the folder taken out. */
    async refusal(text: string, set: readonly string[] = [], name?: string) {
      const file = await write(text, name);
      const error = await thrownBy(() => loadJob(file, { set }));
      return { message: error.message.replaceAll(`${folder}${path.sep}`, ''), place: error.place };
    },
  };
}

export async function thrownBy(act: () => unknown): Promise<UsageError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
