import { readVersion } from '../../util/version.js';
import type { Endpoint, EndpointTensor } from '../types.js';
import { datatypeOf } from './datatype.js';
import { VERSION } from './wire-endpoint.js';

/** What of Triton's extensions there is. */
const EXTENSIONS = ['binary_tensor_data', 'parameters', 'schedule_policy'];

export function serverMetadata(): object {
  return { name: 'penstock', version: readVersion(), extensions: EXTENSIONS };
}

export function metadataOf({ name, platform, inputs, outputs }: Endpoint): object {
  const tensors = (list: readonly EndpointTensor[]): object[] =>
    list.map((tensor) => ({ name: tensor.name, datatype: datatypeOf(tensor), shape: tensor.shape }));
  return { name, versions: [VERSION], platform, inputs: tensors(inputs), outputs: tensors(outputs) };
}

/** What clients of Triton ask for to see what there is. */
export function indexOf({
  endpoints,
  isReady,
}: {
  readonly endpoints: ReadonlyMap<string, unknown>;
  readonly isReady: boolean;
}): object[] {
  const state = isReady ? 'READY' : 'UNAVAILABLE';
  return [...endpoints.keys()].map((name) => ({ name, version: VERSION, state, reason: '' }));
}
