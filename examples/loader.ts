// Batches of tensors for a model that you run yourself: createLoader reads and collates in threads of its own, ahead of
// you, and hands over batch after batch.
//
//   node examples/loader.ts           (Node 22.18 or later runs TypeScript as it is)
//
// It reads handwritten digits, runs ONNX Runtime over them by hand, and counts how many the model reads right.

import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type BatchTensor, createLoader } from 'penstock';

const TAKES_SHARED_MEMORY = Number.parseInt(process.versions.node, 10) >= 22;

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

const session = await InferenceSession.create(pathOf('../native-models/digits/digits.onnx'));

const loader = createLoader({
  source: pathOf('digits/digits.arrow'),
  inputs: {
    // Bytes 0 to 255 in the file, float32 [rows, 1, 28, 28] from 0 to 1 in the batch.
    image: { column: 'pixels', dtype: 'float32', shape: [1, 28, 28], scale: 1 / 255 },
    // Not for the model, but to compare with: any column of numbers can ride along.
    label: {},
  },
  batch: { size: 64 },
});

let rows = 0;
let right = 0;
for await (const batch of loader) {
  const { image, label } = batch.tensors;
  if (image === undefined || label === undefined) throw new Error('the loader makes both');
  const { logits } = await session.run({ image: tensorOf(image) });
  const scores = logits?.data as Float32Array;
  for (let row = 0; row < batch.rows; row++) {
    if (largest(scores.subarray(row * 10, (row + 1) * 10)) === label.data[row]) right++;
  }
  rows += batch.rows;
  // From here on the memory holds a batch to come: whatever is needed of `data` later must have been copied.
  batch.release();
}
console.log(`${rows} digits, accuracy: ${((right / rows) * 100).toFixed(2)} %`);

/**
 * `data` is a view of memory that the threads share. onnxruntime-node takes it as it is on Node 22 and later; on Node 20
 * it refuses all shared memory («Invalid argument»), so there `slice` makes a copy in memory of its own.
 */
function tensorOf({ type, data, dims }: BatchTensor): Tensor {
  const own = TAKES_SHARED_MEMORY ? data : data.slice();
  // The types of onnxruntime-node want the element type as a literal.
  return new Tensor(type as 'float32', own as Float32Array, dims);
}

function largest(scores: Float32Array): number {
  return scores.indexOf(Math.max(...scores));
}
