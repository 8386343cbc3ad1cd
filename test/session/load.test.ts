import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadSession } from '../../src/session/load.js';
import { UsageError } from '../../src/util/errors.js';
import { sessionSpec } from './spec.js';

const DIGITS = fileURLToPath(new URL('../../native-models/digits/digits.onnx', import.meta.url));

describe('a session is loaded by the runtime that the job names', () => {
  test.each([
    ['onnx', 'logits'],
    ['simulated', 'checksum'],
  ])('%s', async (runtime, output) => {
    const session = await loadSession(sessionSpec({ uri: DIGITS, runtime }));
    onTestFinished(() => session.close());
    expect(session.device.runtime).toBe(runtime);
    expect(session.outputs.map(({ name }) => name)).toEqual([output]);
  });

  test.each(['tensorrt', ''])('%s is refused; the message says which there are', async (runtime) => {
    const failure = loadSession(sessionSpec({ uri: DIGITS, runtime }));
    await expect(failure).rejects.toBeInstanceOf(UsageError);
    await expect(failure).rejects.toThrow(
      `model.runtime: this version runs module, onnx, simulated, tensorflow, not ${runtime}`,
    );
  });
});
