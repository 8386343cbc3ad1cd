import { Worker } from 'node:worker_threads';

/** Calls `work` with an object server that runs in a thread of its own and answers each request after `latencyMs`. */
export async function withObjects({ bytes, objects, latencyMs }, work) {
  const worker = new Worker(new URL('./serve-objects.mjs', import.meta.url), {
    workerData: { bytes, objects, latencyMs },
  });
  try {
    const endpoint = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    const storage = { endpoint, allow_anonymous: 'true', region: 'us-east-1' };
    /** All objects, as a job's `source`. */
    const source = { uri: 's3://data', storage };
    return await work({ endpoint, source });
  } finally {
    await worker.terminate();
  }
}
