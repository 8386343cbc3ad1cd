import { MessageHeader } from 'apache-arrow';
import { DictionaryBatch as FbDictionaryBatch } from 'apache-arrow/fb/dictionary-batch';
import type { Field as FbField } from 'apache-arrow/fb/field';
import { Footer as FbFooter } from 'apache-arrow/fb/footer';
import { Message as FbMessage } from 'apache-arrow/fb/message';
import { RecordBatch as FbRecordBatch } from 'apache-arrow/fb/record-batch';
import { type FileBlock, Footer } from 'apache-arrow/ipc/metadata/file';
import { type RecordBatch as BatchMetadata, Message } from 'apache-arrow/ipc/metadata/message';
import { ByteBuffer } from 'flatbuffers';
import type { ObjectReader, StoredObject } from '../storage/types.js';
import { DataError, messageOf, PenstockError } from '../util/errors.js';

const MAGIC = 'ARROW1';
/** Magic and padding in front; footer length and magic behind. */
const HEAD_BYTES = 8;
const TAIL_BYTES = 10;

/** Sizes of the structs that vectors in metadata are made of. */
const BLOCK_BYTES = 24;
const NODE_BYTES = 16;
const BUFFER_BYTES = 16;
const COUNT_BYTES = 8;

/** The footer of an Arrow IPC file; a DataError that says what the file is instead, where it is none. */
export async function readFooter(reader: ObjectReader): Promise<Footer> {
  const { object } = reader;
  const { uri, size } = object;
  if (size === 0) {
    throw new DataError(`${uri}: the file is empty; expected an Arrow IPC file`, {
      file: uri,
      hint: 'Check how it was written or copied.',
    });
  }
  const head = new Uint8Array(Math.min(size, HEAD_BYTES));
  await reader.read(0, head);
  checkHead(object, head);
  if (size < HEAD_BYTES + TAIL_BYTES) throw truncated(object);
  const tail = new Uint8Array(TAIL_BYTES);
  await reader.read(size - TAIL_BYTES, tail);
  if (text(tail.subarray(4)) !== MAGIC) throw truncated(object);
  const length = new DataView(tail.buffer).getInt32(0, true);
  if (length <= 0 || length > size - HEAD_BYTES - TAIL_BYTES) {
    throw corrupt(object, `its footer claims ${length} bytes of a file of ${size}`);
  }
  const bytes = new Uint8Array(length);
  await reader.read(size - TAIL_BYTES - length, bytes);
  try {
    checkFooter(bytes);
    return Footer.decode(bytes);
  } catch (cause) {
    throw corrupt(object, `its footer can't be decoded: ${messageOf(cause)}`, cause);
  }
}

function checkHead({ uri }: StoredObject, head: Uint8Array): void {
  if (text(head).startsWith(MAGIC)) return;
  const expected = 'expected an Arrow IPC file, which begins with "ARROW1"';
  if (text(head).startsWith('PAR1')) {
    throw new DataError(`${uri}: is a Parquet file; ${expected}`, {
      file: uri,
      hint: 'Set source.format to parquet, or to auto.',
    });
  }
  if (head.length >= 4 && new DataView(head.buffer).getInt32(0, true) === -1) {
    throw new DataError(`${uri}: is an Arrow stream; ${expected}`, {
      file: uri,
      hint: 'This version reads the file format; write it with a file writer (pyarrow.ipc.new_file).',
    });
  }
  const shown = JSON.stringify(text(head).replace(/[^\x20-\x7e]/g, '.'));
  throw new DataError(`${uri}: is not an Arrow file: it begins with ${shown}; ${expected}`, { file: uri });
}

/** The metadata of a message: `FF FF FF FF`, length, flatbuffer (or, before Arrow 0.15, without the marker). */
export async function readMessage(reader: ObjectReader, block: FileBlock, what: string): Promise<Message> {
  const bytes = new Uint8Array(block.metaDataLength);
  await reader.read(block.offset, bytes);
  return parseMessage(reader.object, bytes, what);
}

/** The same for a reader that reads at once. */
export function readMessageSync(reader: Required<ObjectReader>, block: FileBlock, what: string): Message {
  const bytes = new Uint8Array(block.metaDataLength);
  reader.readSync(block.offset, bytes, 0, bytes.byteLength);
  return parseMessage(reader.object, bytes, what);
}

function parseMessage(object: StoredObject, bytes: Uint8Array, what: string): Message {
  const view = new DataView(bytes.buffer);
  const prefix = view.getInt32(0, true) === -1 ? 8 : 4;
  const length = view.getInt32(prefix - 4, true);
  if (length <= 0 || length > bytes.length - prefix) {
    throw corrupt(object, `the metadata of ${what} claims ${length} bytes of ${bytes.length - prefix}`);
  }
  try {
    const flatbuffer = bytes.subarray(prefix, prefix + length);
    checkMessage(flatbuffer);
    const message = Message.decode(flatbuffer);
    if (message.headerType === MessageHeader.NONE) throw new Error('it has no header');
    return message;
  } catch (cause) {
    throw corrupt(object, `the metadata of ${what} can't be decoded: ${messageOf(cause)}`, cause);
  }
}

/** Decoding a vector allocates as much as its length says, so what can't be in the flatbuffer is refused before. */
class VectorBudget {
  readonly #bytes: number;
  #spent = 0;

  constructor(flatbuffer: Uint8Array) {
    this.#bytes = flatbuffer.length;
  }

  /** Vectors that are reached twice count twice: so a cycle ends too. */
  spend(elements: number, elementBytes: number): void {
    this.#spent += elements * elementBytes;
    if (!(this.#spent <= this.#bytes))
      throw new RangeError(`its vectors take more than its ${this.#bytes} bytes`);
  }
}

/** Vectors in tables hold offsets. */
const OFFSET_BYTES = 4;

function checkMessage(flatbuffer: Uint8Array): void {
  const budget = new VectorBudget(flatbuffer);
  const message = FbMessage.getRootAsMessage(new ByteBuffer(flatbuffer));
  budget.spend(message.customMetadataLength(), OFFSET_BYTES);
  const type = message.headerType();
  let batch: FbRecordBatch | null = null;
  if (type === MessageHeader.RecordBatch) batch = message.header(new FbRecordBatch());
  else if (type === MessageHeader.DictionaryBatch)
    batch = message.header(new FbDictionaryBatch())?.data() ?? null;
  if (batch === null) return;
  budget.spend(batch.nodesLength(), NODE_BYTES);
  budget.spend(batch.buffersLength(), BUFFER_BYTES);
  budget.spend(batch.variadicBufferCountsLength(), COUNT_BYTES);
}

function checkFooter(flatbuffer: Uint8Array): void {
  const budget = new VectorBudget(flatbuffer);
  const footer = FbFooter.getRootAsFooter(new ByteBuffer(flatbuffer));
  budget.spend(footer.recordBatchesLength(), BLOCK_BYTES);
  budget.spend(footer.dictionariesLength(), BLOCK_BYTES);
  budget.spend(footer.customMetadataLength(), OFFSET_BYTES);
  const schema = footer.schema();
  if (schema === null) throw new TypeError('it has no schema');
  budget.spend(schema.customMetadataLength(), OFFSET_BYTES);
  budget.spend(schema.fieldsLength(), OFFSET_BYTES);
  for (let i = 0; i < schema.fieldsLength(); i++) checkField(schema.fields(i), budget);
}

function checkField(field: FbField | null, budget: VectorBudget): void {
  if (field === null) throw new TypeError('a field is missing');
  budget.spend(field.customMetadataLength(), OFFSET_BYTES);
  // One more, so that a field that is its own child ends too.
  budget.spend(field.childrenLength() + 1, OFFSET_BYTES);
  for (let i = 0; i < field.childrenLength(); i++) checkField(field.children(i), budget);
}

export function checkBlock(object: StoredObject, block: FileBlock): void {
  const { offset, metaDataLength, bodyLength } = block;
  const end = offset + metaDataLength + bodyLength;
  if (offset < HEAD_BYTES || metaDataLength < 8 || bodyLength < 0 || !(end <= object.size - TAIL_BYTES)) {
    throw corrupt(
      object,
      `its footer names a block at bytes ${offset} to ${end} of a file of ${object.size}`,
    );
  }
}

export function checkCompression({ uri }: StoredObject, metadata: BatchMetadata): void {
  if (metadata.compression === null) return;
  const codec = metadata.compression.type === 0 ? 'LZ4' : 'ZSTD';
  throw new DataError(
    `${uri}: its record batches are compressed with ${codec}, which this version does not read`,
    {
      file: uri,
      hint: 'Write it uncompressed (pyarrow.feather.write_feather(..., compression="uncompressed")).',
    },
  );
}

function truncated({ uri, size }: StoredObject): DataError {
  return new DataError(
    `${uri}: is truncated: it has ${size} bytes and does not end as an Arrow IPC file does`,
    {
      file: uri,
      hint: 'Copy or write it again.',
    },
  );
}

export function corrupt({ uri }: StoredObject, what: string, cause?: unknown): PenstockError {
  if (cause instanceof PenstockError) return cause;
  return new DataError(`${uri}: is damaged: ${what}`, { file: uri, cause, hint: 'Copy or write it again.' });
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
