import type { Breach, Rule } from '../job/rules.js';
import { show } from '../job/wording.js';

// The rules that span keys of the configuration; see `job/rules.ts`.

export interface BatchKeys {
  readonly size: number | 'auto';
  readonly preferredSizes: readonly number[];
}

export const batchRule: Rule<BatchKeys> = ({ size, preferredSizes }) => {
  const largest = preferredSizes.at(-1);
  if (largest === undefined || size === 'auto' || largest <= size) return [];
  return [{ path: ['preferredSizes'], message: `has ${largest}, more than batch.size, which is ${size}` }];
};

const NAME = /^[A-Za-z0-9._-]+$/;

/** What clients write into a URL. */
export const namesRule: Rule<Readonly<Record<string, unknown>>> = (named) =>
  Object.keys(named)
    .filter((name) => !NAME.test(name))
    .map((name) => ({
      path: [name],
      message: 'is not a name that a URL can have: letters, digits, «.», «_» and «-»',
    }));

interface ModelKeys {
  readonly model: { readonly runtime: string };
  readonly inputs: Readonly<Record<string, { readonly shape?: readonly number[] }>>;
  readonly endpoints: Readonly<Record<string, unknown>>;
}

export const modelsRule: Rule<Readonly<Record<string, ModelKeys>>> = (models) => [
  ...(Object.keys(models).length === 0 ? [{ path: [], message: 'is empty: name at least one model' }] : []),
  ...namesRule(models),
  ...simulatedInputs(models),
  ...endpointsTwice(models),
];

/** A simulated device has no model to ask for its inputs. */
function simulatedInputs(models: Readonly<Record<string, ModelKeys>>): Breach[] {
  return Object.entries(models).flatMap(([name, { model, inputs }]) => {
    if (model.runtime !== 'simulated') return [];
    const tensors = Object.entries(inputs);
    if (tensors.length === 0) {
      return [{ path: [name, 'inputs'], message: 'must name the tensors for the simulated runtime' }];
    }
    return tensors
      .filter(([, { shape }]) => shape === undefined)
      .map(([input]) => ({
        path: [name, 'inputs', input, 'shape'],
        message: 'is missing: the simulated runtime has no model that tells it',
      }));
  });
}

function endpointsTwice(models: Readonly<Record<string, ModelKeys>>): Breach[] {
  const modelOf = new Map<string, string>();
  return Object.entries(models).flatMap(([model, { endpoints }]) => {
    const own = Object.keys(endpoints);
    return (own.length > 0 ? own : [model]).flatMap((endpoint) => {
      const other = modelOf.get(endpoint);
      modelOf.set(endpoint, model);
      if (other === undefined) return [];
      const path = own.length > 0 ? [model, 'endpoints', endpoint] : [model];
      return [{ path, message: `is an endpoint of the model ${show(other)} already` }];
    });
  });
}
