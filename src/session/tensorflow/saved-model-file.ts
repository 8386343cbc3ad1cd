import { readFile } from 'node:fs/promises';
import { DeviceError, messageOf, StorageError } from '../../util/errors.js';
import type { Declared } from './signature.js';

/** One graph of a SavedModel, as far as it says what goes in and out. */
export interface SavedGraph {
  readonly tags: readonly string[];
  readonly signatures: ReadonlyMap<string, SavedSignature>;
  /** Files that its operators read, by the names under which they lie in `assets`. */
  readonly assets: readonly string[];
}

export interface SavedSignature {
  readonly inputs: readonly Declared[];
  readonly outputs: readonly Declared[];
}

/**
 * Reads a saved_model.pb. tfjs-node's own reader knows fewer element types, calls the others undefined, and takes a
 * tensor of unknown rank for a scalar.
 *
 * @throws StorageError where it can't be read, DeviceError where it is no SavedModel
 */
export async function readSavedModel(file: string): Promise<SavedGraph[]> {
  const bytes = await readFile(file).catch((cause) => {
    throw new StorageError(`${file}: the model can't be read: ${messageOf(cause)}`, { file, cause });
  });
  try {
    return messages(bytes, 2).map(readGraph);
  } catch (cause) {
    throw new DeviceError(`${file}: is no SavedModel: ${messageOf(cause)}`, { file, cause });
  }
}

// The numbers of fields are those of tensorflow/core/protobuf/saved_model.proto and meta_graph.proto.

/** Not for users: what a model runs when it is loaded. */
const INIT = '__saved_model_init_op';

function readGraph(graph: Buffer): SavedGraph {
  const signatures = mapEntries(graph, 5).filter(([name]) => name !== INIT);
  return {
    tags: messages(graph, 1).flatMap((info) => messages(info, 4).map(String)),
    signatures: new Map(
      signatures.map(([name, signature]) => [
        name,
        {
          inputs: mapEntries(signature, 1).map(readTensor),
          outputs: mapEntries(signature, 2).map(readTensor),
        },
      ]),
    ),
    assets: [...messages(graph, 6), ...assetsOfVersion1(graph)].map((asset) => text(asset, 2)),
  };
}

/** Before they had a field of their own they were a collection, of messages of any kind. */
function assetsOfVersion1(graph: Buffer): Buffer[] {
  const collections = mapEntries(graph, 4).filter(([name]) => name === 'saved_model_assets');
  return collections.flatMap(([, collection]) =>
    messages(collection, 5).flatMap((list) => messages(list, 1).flatMap((any) => messages(any, 2))),
  );
}

function readTensor([name, tensor]: readonly [string, Buffer]): Declared {
  // Those that are sparse or ragged are made of several, and have no node of their own.
  const dtype = messages(tensor, 1).length === 0 ? 'sparse or ragged values' : number(tensor, 2);
  const [shape] = messages(tensor, 3);
  const isKnown = shape !== undefined && number(shape, 3) === 0;
  return { name, dtype, shape: isKnown ? messages(shape, 2).map((dim) => number(dim, 1)) : undefined };
}

// Protocol Buffers: https://protobuf.dev/programming-guides/encoding/

type Field = readonly [number: number, value: Buffer | number];

const messages = (message: Buffer, wanted: number): Buffer[] =>
  [...fields(message)].flatMap(([field, value]) =>
    field === wanted && typeof value !== 'number' ? [value] : [],
  );

/** Of a field that is there once, or not at all. */
const text = (message: Buffer, wanted: number): string => String(messages(message, wanted).at(-1) ?? '');

const number = (message: Buffer, wanted: number): number =>
  [...fields(message)].reduce(
    (last, [field, value]) => (field === wanted && typeof value === 'number' ? value : last),
    0,
  );

const mapEntries = (message: Buffer, wanted: number): [string, Buffer][] =>
  messages(message, wanted).map((entry) => [text(entry, 1), messages(entry, 2).at(-1) ?? Buffer.alloc(0)]);

/** The fields of a message; what has a length comes as a view, so that what nobody asks for costs nothing. */
function* fields(message: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw new RangeError('it is cut off');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    throw new RangeError('it has a number of more than 64 bits');
  };
  const take = (length: number): Buffer => {
    if (length < 0 || at + length > message.length) throw new RangeError('it is cut off');
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const key = varint();
    const field = key >>> 3;
    const wire = key & 7;
    if (wire === 0) yield [field, varint()];
    else if (wire === 1) yield [field, take(8)];
    else if (wire === 2) yield [field, take(varint())];
    else if (wire === 5) yield [field, take(4)];
    else throw new RangeError(`it has a field of the unknown kind ${wire}`);
  }
}
