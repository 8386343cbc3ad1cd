import { asPenstockError, DeviceError, messageOf, UsageError } from '../../util/errors.js';
import type { Session, SessionSpec } from '../types.js';
import { openEngine } from './engines.js';
import { loadGraphModel } from './graph-model.js';
import { loadLayersModel } from './layers-model.js';
import { locate, type ModelLocation } from './location.js';
import { loadSavedModel } from './saved-model.js';
import { TensorflowSession } from './session.js';
import type { Engine, Program } from './types.js';

/**
 * Loads a graph model, a layers model or a SavedModel on the first engine that runs. Providers are tried in the order
 * given; why an earlier one does not run is a warning, or the error where no other follows.
 *
 * @throws StorageError, DeviceError for the model's files; DeviceError where no engine runs
 */
export async function load(spec: SessionSpec): Promise<Session> {
  const { uri } = spec;
  if (uri === undefined) throw new UsageError('model.uri: is missing', { key: 'model.uri' });
  const location = await locate(uri);
  const { engine, warnings } = await openEngine(spec, location.kind);
  try {
    return new TensorflowSession(engine, await loadProgram(engine, location, spec), warnings);
  } catch (cause) {
    throw asPenstockError(
      cause,
      () =>
        new DeviceError(
          `${uri}: is no model that TensorFlow (${engine.provider}) can load: ${messageOf(cause)}`,
          {
            file: uri,
            cause,
          },
        ),
    );
  }
}

async function loadProgram(
  engine: Engine,
  location: ModelLocation,
  { options }: SessionSpec,
): Promise<Program> {
  switch (location.kind) {
    case 'graph-model':
      return loadGraphModel(engine, location);
    case 'layers-model':
      return loadLayersModel(engine, location);
    case 'saved-model': {
      if (engine.savedModels === undefined) throw new RangeError(`${engine.provider} runs no SavedModels`);
      const { tags = ['serve'], signature = 'serving_default' } = options;
      return loadSavedModel(engine.savedModels, location.folder, {
        tags: tags as string[],
        signature: signature as string,
      });
    }
  }
}
