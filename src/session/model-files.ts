import path from 'node:path';
import { glob } from 'tinyglobby';
import { externalFiles, externalLocations } from './onnx/external-data.js';
import { locate } from './tensorflow/location.js';
import { weightFiles } from './tensorflow/weights.js';

/** All files that a model consists of, in a fixed order: whoever wants to know whether it is the same reads these. */
export async function modelFiles(runtime: string, uri: string): Promise<string[]> {
  if (runtime === 'onnx') return [uri, ...(await externalFiles(uri))];
  if (runtime !== 'tensorflow') return [uri];
  const model = await locate(uri);
  if (model.kind !== 'saved-model') return [model.file, ...(await weightFiles(model))];
  // Links too, which caches of downloads are made of.
  const files = await glob('**', { cwd: model.folder, dot: true });
  return files.sort().map((file) => path.join(model.folder, file));
}

/**
 * The files that a model's own file names, relative to its folder, with slashes, each once; they need not be there yet.
 *
 * @param file of ONNX, or a model.json
 * @throws DeviceError for one outside that folder, or where the file is no model
 */
export async function filesNamedBy(runtime: string, file: string): Promise<string[]> {
  if (runtime === 'onnx') return externalLocations(file);
  if (runtime !== 'tensorflow') return [];
  const model = await locate(file);
  if (model.kind === 'saved-model') return [];
  const folder = path.dirname(file);
  const files = await weightFiles(model);
  return [...new Set(files.map((one) => path.relative(folder, one).split(path.sep).join('/')))];
}
