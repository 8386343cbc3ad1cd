import { pathToFileURL } from 'node:url';
import { DeviceError, messageOf, UsageError } from '../util/errors.js';
import type { ModelTensor, Session, SessionDevice, SessionSpec, TensorView } from './types.js';

/** What a module's `load` has to return: a session, of which only this much must be there. */
export interface ModuleSession {
  /** What it takes, in the order in which `run` gets it. */
  readonly inputs: readonly ModelTensor[];
  /** What it gives, in the order in which `run` gets the views for it. */
  readonly outputs: readonly ModelTensor[];
  /**
   * Runs one batch; writes every output into the view given for it. One at a time. What it throws counts against the batch:
   * that is halved until the rows that fail stand alone.
   */
  run(inputs: readonly TensorView[], outputs: readonly TensorView[]): Promise<void> | void;
  /** By default `{ id: 'cpu', provider: 'module' }`. */
  readonly device?: Partial<SessionDevice>;
  /** What a user should know, a sentence each. */
  readonly warnings?: readonly string[];
  /** By default what `outputs` says; needed where that leaves dimensions open. */
  readonly outputDims?: Session['outputDims'];
  /** Called once, after the last run. */
  close?(): Promise<void> | void;
}

/**
 * A runtime of the user's own: `model.uri` is an ES module that exports `load(spec)`, which returns a session. For
 * engines that Penstock does not know, and for tests.
 *
 * @throws UsageError where the module does not load or has no `load`; DeviceError where that fails or returns no session
 */
export async function load(spec: SessionSpec): Promise<Session> {
  const { uri } = spec;
  if (uri === undefined) throw new UsageError('model.uri: is missing', { key: 'model.uri' });
  const module = await importModule(uri);
  let session: ModuleSession;
  try {
    session = await module.load(spec);
  } catch (cause) {
    throw new DeviceError(`${uri}: its load failed: ${messageOf(cause)}`, { file: uri, cause });
  }
  for (const [key, type] of [
    ['inputs', 'object'],
    ['outputs', 'object'],
    ['run', 'function'],
  ] as const) {
    if (typeof session?.[key] === type) continue;
    throw new DeviceError(`${uri}: its load returned no session: ${key} is missing`, { file: uri });
  }
  return complete(session, uri);
}

async function importModule(
  uri: string,
): Promise<{ load(spec: SessionSpec): Promise<ModuleSession> | ModuleSession }> {
  let module: { readonly load?: unknown };
  try {
    module = (await import(pathToFileURL(uri).href)) as { readonly load?: unknown };
  } catch (cause) {
    throw new UsageError(`model.uri: ${uri} does not load: ${messageOf(cause)}`, {
      key: 'model.uri',
      file: uri,
      cause,
    });
  }
  const { load } = module;
  if (typeof load !== 'function') {
    throw new UsageError(`model.uri: ${uri} exports no function load`, { key: 'model.uri', file: uri });
  }
  return { load: load as (spec: SessionSpec) => ModuleSession };
}

function complete(session: ModuleSession, uri: string): Session {
  const { inputs, outputs, device, warnings = [] } = session;
  return {
    inputs,
    outputs,
    warnings,
    device: { id: 'cpu', provider: 'module', simulated: false, ...device, runtime: 'module' },
    run: async (given, wanted) => session.run(given, wanted),
    outputDims: async (given) => session.outputDims?.(given) ?? declaredDims(outputs, given, uri),
    close: async () => session.close?.(),
  };
}

function declaredDims(
  outputs: readonly ModelTensor[],
  [first]: readonly TensorView[],
  uri: string,
): ReadonlyMap<string, readonly number[]> {
  const rows = first?.dims[0] ?? 0;
  return new Map(
    outputs.map(({ name, dims }) => {
      const rest = dims?.slice(1);
      if (rest?.every((dim) => typeof dim === 'number')) return [name, [rows, ...rest]];
      throw new DeviceError(`${uri}: the dimensions of ${name} are open: the session needs outputDims`, {
        file: uri,
      });
    }),
  );
}
