import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { DeviceError, messageOf, StorageError } from '../../util/errors.js';
import { kindOfFileAt } from '../../util/file-kind.js';
import { reasonOf } from '../../util/system-error.js';

/** Where a model is, and what kind: found from its files, before any library is loaded. */
export type ModelLocation =
  | { readonly kind: 'saved-model'; readonly folder: string }
  | {
      readonly kind: 'graph-model' | 'layers-model';
      /** The model.json. */
      readonly file: string;
      /** Which its weights may not leave. */
      readonly folder: string;
      readonly json: ModelJson;
    };

/** The fields of a model.json that are used here; what is in them is checked where it is used. */
export interface ModelJson {
  readonly format?: unknown;
  readonly modelTopology?: unknown;
  readonly weightsManifest?: unknown;
  readonly signature?: unknown;
  readonly userDefinedMetadata?: unknown;
  readonly modelInitializer?: unknown;
  readonly initializerSignature?: unknown;
}

const SAVED_MODEL = 'saved_model.pb';
const MODEL_JSON = 'model.json';

/**
 * Finds the model that `uri` names: a model.json (of whatever name), a saved_model.pb, or the folder of either.
 *
 * @throws StorageError where nothing is there; DeviceError where it is no model
 */
export async function locate(uri: string): Promise<ModelLocation> {
  const stats = await stat(uri).catch((cause) => {
    throw new StorageError(`${uri}: the model can't be opened: ${reasonOf(cause)}`, { file: uri, cause });
  });
  if (!stats.isDirectory()) {
    if (path.basename(uri) === SAVED_MODEL) return { kind: 'saved-model', folder: path.dirname(uri) };
    return readModelJson(uri);
  }
  const names = await readdir(uri);
  if (names.includes(SAVED_MODEL)) return { kind: 'saved-model', folder: uri };
  if (names.includes(MODEL_JSON)) return readModelJson(path.join(uri, MODEL_JSON));
  throw new DeviceError(`${uri}: is a folder without a ${MODEL_JSON} or a ${SAVED_MODEL}`, {
    file: uri,
    key: 'model.uri',
  });
}

async function readModelJson(file: string): Promise<ModelLocation> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new StorageError(`${file}: the model can't be read: ${reasonOf(cause)}`, { file, cause });
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const kind = await kindOfFileAt(file);
    if (kind === undefined || kind.id === 'json') throw noModel(file, `it is no JSON (${messageOf(cause)})`);
    throw noModel(file, `it is ${kind.is}`, kind.hint);
  }
  if (!isObject(json)) throw noModel(file, 'its JSON is no object');
  return { kind: kindOf(json, file), file, folder: path.dirname(file), json };
}

/** The converter writes the format only since 1.3: before, the topology tells. */
function kindOf({ format, modelTopology }: ModelJson, file: string): 'graph-model' | 'layers-model' {
  if (!isObject(modelTopology)) throw noModel(file, 'it has no modelTopology');
  if (format === 'graph-model' || format === 'layers-model') return format;
  if (format !== undefined && format !== null)
    throw noModel(file, `its format is ${JSON.stringify(format)}, expected graph-model or layers-model`);
  if (Array.isArray(modelTopology.node)) return 'graph-model';
  if ('model_config' in modelTopology || 'class_name' in modelTopology) return 'layers-model';
  throw noModel(file, 'its modelTopology is neither a graph nor layers');
}

function noModel(file: string, why: string, hint = 'Check model.uri and model.runtime.'): DeviceError {
  return new DeviceError(`${file}: is no TensorFlow.js model: ${why}`, { file, hint });
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
