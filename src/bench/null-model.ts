import type { ModuleSession } from '../session/module.js';
import type { ModelTensor, SessionSpec } from '../session/types.js';

/** What the loader's consumer runs: a model of the given inputs and outputs that does nothing. */
export function load({ options }: SessionSpec): ModuleSession {
  const { inputs, outputs } = options as {
    readonly inputs: readonly ModelTensor[];
    readonly outputs: readonly ModelTensor[];
  };
  return { inputs, outputs, device: { id: 'null', provider: 'null' }, run: () => {} };
}
