import type { ModelSpec } from '../job/schema.js';
import { UsageError } from '../util/errors.js';

/**
 * ONNX Runtime has one WebGPU context a process, for one thread: a second one would crash the process, so it is refused
 * before it is loaded.
 */
export class WebGpuThread {
  #owner: string | undefined;

  /**
   * @param key what is about to be loaded, as errors name it
   * @throws UsageError where it might want WebGPU in a thread of its own, and another has it
   */
  check(key: string, model: ModelSpec): void {
    if (this.#owner === undefined || !mayUse(model)) return;
    throw new UsageError(
      `${key}: ${this.#owner} runs on webgpu in this process already, and a second thread there would crash it`,
      { key, hint: `Set isolation: process in the model of ${key}, or leave webgpu out of its providers.` },
    );
  }

  /** @param providers that the model runs on, or may, where that is not known yet */
  taken(key: string, model: ModelSpec, providers: readonly string[] = model.providers): void {
    if (mayUse(model) && providers.includes('webgpu')) this.#owner ??= key;
  }

  /** Its thread has ended: another may come after it. */
  free(key: string): void {
    if (this.#owner === key) this.#owner = undefined;
  }
}

const mayUse = ({ runtime, isolation, providers }: ModelSpec): boolean =>
  runtime === 'onnx' && isolation === 'thread' && providers.includes('webgpu');
