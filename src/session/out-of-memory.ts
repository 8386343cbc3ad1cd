import { messageOf } from '../util/errors.js';

/*
 * Runtimes have no code for it, so their words must do: ONNX Runtime's arena («Failed to allocate memory for requested
 * buffer of size …», «bad allocation», std::bad_alloc), CUDA («CUDA failure 2: out of memory»), cuDNN and cuBLAS
 * (…_ALLOC_FAILED), TensorRT («OutOfMemory»), Dawn («Out of memory», «exceeds the max buffer size limit»), TensorFlow («OOM
 * when allocating tensor», RESOURCE_EXHAUSTED), V8 («Array buffer allocation failed», «could not allocate memory»).
 */
const WORDS =
  /out[ _]?of[ _]?memory|fail\w* to allocate|could not allocate|bad[ _]alloc|_ALLOC_FAILED|allocation failed|\bOOM\b|resource[ _]?exhausted|exceeds the max buffer size/i;

/** Whether a run failed for want of memory: one of fewer rows may then go through. */
export function isOutOfMemory(error: unknown): boolean {
  return WORDS.test(messageOf(error));
}
