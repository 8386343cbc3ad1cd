import { readFile } from 'node:fs/promises';
import type { io } from '@tensorflow/tfjs-core';
import { sizeOf } from '../../util/dtype.js';
import { DeviceError, messageOf, StorageError } from '../../util/errors.js';
import { insideModel } from './inside.js';
import { isObject, type ModelLocation } from './location.js';
import type { IOHandler } from './types.js';

type JsonModel = Extract<ModelLocation, { file: string }>;

/** Files of weights that belong together: one run of bytes, cut into shards. */
interface WeightGroup {
  readonly paths: readonly string[];
  readonly weights: readonly io.WeightsManifestEntry[];
}

/**
 * Reads a model and its weights from the local disk, as TensorFlow.js wants them. Its own loaders know HTTP only, and
 * check neither where a shard lies nor whether it is all there.
 *
 * @throws StorageError for a shard that can't be read; DeviceError for one that leaves the folder or is too short
 */
export async function readArtifacts(model: JsonModel): Promise<IOHandler> {
  const groups = parseManifest(model);
  const weightData: ArrayBuffer[] = [];
  for (const { paths, weights } of groups) {
    const shards: ArrayBuffer[] = [];
    for (const name of paths) shards.push(await readShard(await insideModel(model, name, 'weights')));
    checkLength(model, { paths, weights }, shards);
    weightData.push(...shards);
  }
  const { json } = model;
  const artifacts = {
    modelTopology: json.modelTopology as object,
    weightSpecs: groups.flatMap(({ weights }) => [...weights]),
    weightData,
    format: model.kind,
    ...present('signature', json.signature),
    ...present('userDefinedMetadata', json.userDefinedMetadata),
    ...present('modelInitializer', json.modelInitializer),
    ...present('initializerSignature', json.initializerSignature),
  };
  return { load: async () => artifacts };
}

const present = (name: string, value: unknown): object =>
  value === undefined || value === null ? {} : { [name]: value };

/** The files that a model consists of, for those who want to know whether it has changed. */
export function weightFiles(model: JsonModel): Promise<string[]> {
  const names = parseManifest(model).flatMap(({ paths }) => paths);
  return Promise.all(names.map((name) => insideModel(model, name, 'weights')));
}

function parseManifest({ json, file }: JsonModel): WeightGroup[] {
  const manifest = json.weightsManifest ?? [];
  const isGroup = (group: unknown): group is WeightGroup =>
    isObject(group) &&
    Array.isArray(group.paths) &&
    group.paths.every((name) => typeof name === 'string') &&
    Array.isArray(group.weights) &&
    group.weights.every(isEntry);
  if (Array.isArray(manifest) && manifest.every(isGroup)) return manifest;
  throw new DeviceError(`${file}: its weightsManifest is no list of paths and weights`, { file });
}

function isEntry(entry: unknown): entry is io.WeightsManifestEntry {
  return (
    isObject(entry) &&
    typeof entry.name === 'string' &&
    typeof entry.dtype === 'string' &&
    Array.isArray(entry.shape) &&
    entry.shape.every((size) => Number.isInteger(size) && size >= 0)
  );
}

async function readShard(file: string): Promise<ArrayBuffer> {
  const bytes = await readFile(file).catch((cause) => {
    throw new StorageError(`${file}: weights of the model can't be read: ${messageOf(cause)}`, {
      file,
      cause,
    });
  });
  // Small files come out of a buffer that others share.
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return (
    whole ? bytes.buffer : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  ) as ArrayBuffer;
}

const VALUE_BYTES: Readonly<Record<string, number>> = {
  float32: 4,
  float16: 2,
  int32: 4,
  uint16: 2,
  uint8: 1,
  bool: 1,
  complex64: 8,
};

function checkLength(
  { file }: JsonModel,
  { paths, weights }: WeightGroup,
  shards: readonly ArrayBuffer[],
): void {
  // Text carries its own length; a type that TensorFlow.js does not know it refuses itself.
  const widths = weights.map(({ dtype, quantization }) => VALUE_BYTES[quantization?.dtype ?? dtype]);
  if (widths.includes(undefined)) return;
  const expected = weights.reduce((sum, { shape }, i) => sum + sizeOf(shape) * (widths[i] ?? 0), 0);
  const found = shards.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (found === expected) return;
  throw new DeviceError(
    `${file}: its weights ${paths.join(', ')} have ${found} bytes, expected ${expected}: ` +
      `${found < expected ? 'they are cut off' : 'they belong to another model'}`,
    { file },
  );
}
