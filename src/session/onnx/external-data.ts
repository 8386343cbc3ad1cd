import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { DeviceError, messageOf, StorageError } from '../../util/errors.js';
import { kindOfFileAt } from '../../util/file-kind.js';
import { isInside } from '../is-inside.js';
import { type ExternalTensor, externalTensors } from './model-proto.js';
import { FileBytes, MalformedError } from './protobuf.js';

/*
 * Weights beside the model: ONNX keeps them in files of their own where the model would grow over the 2 GB of a message.
 * ONNX Runtime reads them itself; here it is found out which they are and whether they can be read, in words of ours.
 */

/**
 * The files that an ONNX model keeps weights in, sorted; none where it has all within, or is no model.
 *
 * @throws DeviceError for one outside the model's folder; StorageError for one that is missing or too short
 */
export async function externalFiles(model: string): Promise<string[]> {
  const found: string[] = [];
  for (const [location, tensors] of byLocation(model)) found.push(await check(model, location, tensors));
  return found.sort();
}

/**
 * What a model names as files of its weights, relative to its folder, with slashes, each once; they need not be there.
 *
 * @throws DeviceError for one outside the model's folder
 */
export function externalLocations(model: string): string[] {
  const folder = path.dirname(model);
  const files = [...byLocation(model).keys()].map((location) => namedFile(model, location));
  return [...new Set(files.map((file) => path.relative(folder, file).split(path.sep).join('/')))];
}

function byLocation(model: string): ReadonlyMap<string, readonly ExternalTensor[]> {
  const files = new Map<string, ExternalTensor[]>();
  for (const tensor of tensorsOutside(model)) {
    const tensors = files.get(tensor.location);
    if (tensors === undefined) files.set(tensor.location, [tensor]);
    else tensors.push(tensor);
  }
  return files;
}

/** Whoever loads a file that is no model hears so from ONNX Runtime. */
function tensorsOutside(model: string): ExternalTensor[] {
  try {
    using bytes = new FileBytes(model);
    return externalTensors(bytes);
  } catch (cause) {
    if (cause instanceof MalformedError) return [];
    throw new StorageError(`${model}: the model can't be read: ${messageOf(cause)}`, { file: model, cause });
  }
}

/** The path that a model means, as far as its text tells. */
function namedFile(model: string, location: string): string {
  const folder = path.dirname(model);
  const file = path.join(folder, location);
  if (location === '' || path.isAbsolute(location) || !isInside(folder, file)) throw outside(model, location);
  return file;
}

async function check(model: string, location: string, tensors: readonly ExternalTensor[]): Promise<string> {
  const folder = path.dirname(model);
  const file = namedFile(model, location);
  const stats = await stat(file).catch((cause) => {
    throw new StorageError(
      `${file}: can't be opened, and ${model} keeps weights in it: ${messageOf(cause)}`,
      { file, cause, hint: 'Copy it to where the model is, under the name that it had there.' },
    );
  });
  if (!stats.isFile())
    throw new StorageError(`${file}: is not a file, and ${model} keeps weights in it`, { file });
  // Links are followed, as ONNX Runtime does: caches of models are made of them.
  const allowed = [await realpath(folder), path.dirname(await realpath(model))];
  const target = await realpath(file);
  if (!allowed.some((one) => isInside(one, target))) throw outside(model, location);
  await checkLength(model, file, stats.size, tensors);
  return file;
}

function outside(model: string, location: string): DeviceError {
  return new DeviceError(
    `${model}: keeps weights in ${JSON.stringify(location)}, which is outside of its folder, and that is not read`,
    { file: model, hint: 'Put the file beside the model, and save the model so that it names it there.' },
  );
}

async function checkLength(
  model: string,
  file: string,
  size: number,
  tensors: readonly ExternalTensor[],
): Promise<void> {
  for (const { name, offset, byteLength } of tensors) {
    const end = offset + (byteLength ?? 0);
    if (end <= size) continue;
    const kind = await kindOfFileAt(file);
    if (kind?.id === 'lfs') {
      throw new StorageError(`${file}: is ${kind.is}, and ${model} keeps weights in it`, {
        file,
        ...(kind.hint !== undefined && { hint: kind.hint }),
      });
    }
    throw new StorageError(`${file}: has ${size} bytes, and ${model} has ${name} in it up to byte ${end}`, {
      file,
      hint: 'It was cut short, or belongs to another model: copy it again.',
    });
  }
}
