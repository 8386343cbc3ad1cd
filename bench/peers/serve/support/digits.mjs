import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { tableFromIPC } from 'apache-arrow';
import * as ort from 'onnxruntime-node';

const FILE = fileURLToPath(new URL('../../../../examples/digits/digits.arrow', import.meta.url));
export const MODEL = fileURLToPath(new URL('../../../../native-models/digits/digits.onnx', import.meta.url));

/** As many as the load generator sends different requests of. */
const COUNT = 16;
const PIXELS = 784;

/** Handwritten digits, as bytes and as ink from 0 to 1, and what ONNX Runtime makes of each: ten logits. */
export async function loadDigits() {
  const pixels = tableFromIPC(readFileSync(FILE)).getChild('pixels').data[0].children[0].values;
  const session = await ort.InferenceSession.create(MODEL, { intraOpNumThreads: 1 });
  const digits = [];
  for (let i = 0; i < COUNT; i++) {
    const bytes = pixels.slice(i * PIXELS, (i + 1) * PIXELS);
    const ink = Float32Array.from(bytes, (value) => value / 255);
    const { logits } = await session.run({ image: new ort.Tensor('float32', ink, [1, 1, 28, 28]) });
    digits.push({ bytes, ink, logits: Float32Array.from(logits.data) });
  }
  await session.release();
  return digits;
}
