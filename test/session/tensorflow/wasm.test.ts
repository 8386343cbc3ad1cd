import { expect, test } from 'vitest';
import { GRAPH, open } from './models.js';

// In a file, and so a process, of its own: a backend starts once a process.
test('wasm whose files are not where the job says does not start, and says where it looked', async () => {
  const listeners = (): number =>
    process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection');
  const before = listeners();
  await expect(open(GRAPH, { options: { wasmPath: '/nowhere' } })).rejects.toThrow(
    /wasm: the backend wasm of TensorFlow.js does not start: .*\/nowhere\/tfjs-backend-wasm/,
  );
  expect(listeners()).toBe(before);
});
