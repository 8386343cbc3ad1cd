import path from 'node:path';
import { glob } from 'tinyglobby';
import { externalFiles } from './onnx/external-data.js';
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
