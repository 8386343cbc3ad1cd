import type { Data } from 'apache-arrow';
import type { ObjectReader } from '../storage/types.js';
import { BatchMemory, type BatchPlan, codecOf, planBatch } from './arrow-batch.js';
import { fieldBuffers } from './arrow-buffers.js';
import type { Codec } from './arrow-codec.js';
import type { Dictionaries } from './arrow-dictionaries.js';
import { corrupt } from './arrow-errors.js';
import type { DictionaryMessage } from './arrow-message.js';

/** Where the body of a dictionary batch lies, and how messages name it. */
export interface DictionaryPlace {
  readonly bodyStart: number;
  readonly bodyLength: number;
  readonly what: string;
}

/** Reads a dictionary batch into the dictionaries, where they want it. */
export async function readDictionary(
  reader: ObjectReader,
  dictionaries: Dictionaries,
  message: DictionaryMessage,
  place: DictionaryPlace,
): Promise<void> {
  const plan = planOf(reader, dictionaries, message, place);
  if (plan === undefined) return;
  // It stays for as long as the file is open, so its memory is its own.
  const memory = new BatchMemory();
  await memory.read(reader, plan);
  add(reader, dictionaries, message, plan, memory, await codecOf(plan));
}

function planOf(
  reader: ObjectReader,
  dictionaries: Dictionaries,
  message: DictionaryMessage,
  place: DictionaryPlace,
): BatchPlan | undefined {
  const { object } = reader;
  const { id, isDelta, metadata, version } = message;
  const field = dictionaries.fieldOf(id);
  if (field === undefined) return undefined;
  if (isDelta && !dictionaries.has(id)) {
    throw corrupt(object, `${place.what} adds to dictionary ${id}, which is not there`);
  }
  return planBatch(reader, fieldBuffers(object, [field]), { ...place, metadata, version });
}

function add(
  { object }: ObjectReader,
  dictionaries: Dictionaries,
  { id, isDelta }: DictionaryMessage,
  plan: BatchPlan,
  memory: BatchMemory,
  codec: Codec | undefined,
): void {
  const [data] = memory.decode(object, plan, codec, dictionaries.known);
  dictionaries.add(id, data as Data, isDelta);
}
