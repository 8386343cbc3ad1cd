import { DeviceError, messageOf } from '../../util/errors.js';
import type { Core } from './types.js';

/**
 * Makes a registered backend the current one and proves that it computes: a backend can be registered, and even set,
 * on a machine where its first op fails.
 */
export async function proveBackend(tf: Core, backend: string): Promise<void> {
  // Without this TensorFlow.js writes warnings, and checks every op for leaks.
  tf.enableProdMode();
  if (!(await tf.setBackend(backend))) throw new DeviceError(await whyNot(tf, backend));
  const sums = tf.tidy(() => tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([1, 1], [2, 1])));
  const [first, second] = await sums.data();
  sums.dispose();
  if (first !== 3 || second !== 7) {
    throw new DeviceError(`a product of two matrices came out as ${first}, ${second}; expected 3, 7`);
  }
}

/** `setBackend` resolves to false and keeps the reason to itself; starting the backend by hand tells. */
async function whyNot(tf: Core, backend: string): Promise<string> {
  const refused = `the backend ${backend} of TensorFlow.js does not start`;
  try {
    await tf.findBackendFactory(backend)?.();
    return refused;
  } catch (error) {
    return `${refused}: ${messageOf(error)}`;
  }
}
