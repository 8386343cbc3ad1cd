import { bytesOf, type DType, sizeOf, viewOf } from '../../util/dtype.js';
import { type Random, seeded } from '../random.js';

/*
 * Requests of the Open Inference Protocol v2 with the binary tensor data extension: a JSON header whose length a header of
 * HTTP tells, and the tensors' bytes behind it.
 */

/** An endpoint's input as its metadata tell. */
export interface RequestInput {
  readonly name: string;
  /** The protocol's name of its type: FP32, INT64, BYTES, … */
  readonly datatype: string;
  /** Of one row, without the batch; all of them known. */
  readonly shape: readonly number[];
}

/** All that is needed to write requests for an endpoint. */
export interface RequestShape {
  readonly endpoint: string;
  readonly inputs: readonly RequestInput[];
}

/** Requests of one row that are sent as they stand, to a server with a protocol of its own. */
export interface WrittenRequests {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** One for each seed, in turn. */
  readonly bodies: readonly Uint8Array[];
}

/** A request that can be sent over and over. */
export interface PreparedRequest {
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly rows: number;
}

/** The protocol's types, and ours. */
export const DATATYPES: Readonly<Record<string, DType>> = {
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  INT8: 'int8',
  UINT8: 'uint8',
  INT16: 'int16',
  UINT16: 'uint16',
  INT32: 'int32',
  UINT32: 'uint32',
  INT64: 'int64',
  UINT64: 'uint64',
  BOOL: 'bool',
};

/** Whole numbers stay below this: where they are indices, as token ids are, they must be in the table. */
const LARGEST_INTEGER = 100;
const WORDS = ['a', 'pipe', 'that', 'keeps', 'its', 'turbine', 'fed', 'under', 'steady', 'pressure'];
const TEXT_WORDS = 12;

/** A request of `rows` rows of made up values, the same for the same seed; or one of those that are written already. */
export function prepareRequest(
  request: RequestShape | WrittenRequests,
  rows: number,
  seed: number,
  headers: Readonly<Record<string, string>> = {},
): PreparedRequest {
  if ('bodies' in request) return writtenRequest(request, rows, seed, headers);
  const { endpoint, inputs } = request;
  const random = seeded(seed);
  const tensors = inputs.map((input) => ({ input, bytes: valuesOf(input, rows, random) }));
  const json = Buffer.from(
    JSON.stringify({
      inputs: tensors.map(({ input: { name, datatype, shape }, bytes }) => ({
        name,
        datatype,
        shape: [rows, ...shape],
        parameters: { binary_data_size: bytes.byteLength },
      })),
      parameters: { binary_data_output: true },
    }),
  );
  const body = Buffer.concat([json, ...tensors.map(({ bytes }) => bytes)]);
  const all = {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(json.byteLength),
    ...headers,
  };
  return {
    path: `/v2/models/${encodeURIComponent(endpoint)}/infer`,
    headers: Object.entries(all).flat(),
    body,
    rows,
  };
}

function writtenRequest(
  { path, headers: own, bodies }: WrittenRequests,
  rows: number,
  seed: number,
  headers: Readonly<Record<string, string>>,
): PreparedRequest {
  const body = bodies[seed % bodies.length];
  if (body === undefined) throw new RangeError('no request is written');
  return { path, headers: Object.entries({ ...own, ...headers }).flat(), body: Buffer.from(body), rows };
}

/** Elements one after another, little-endian, rows first. */
function valuesOf({ datatype, shape }: RequestInput, rows: number, random: Random): Uint8Array {
  const count = rows * sizeOf(shape);
  if (datatype === 'BYTES') return textsOf(count, random);
  const dtype = DATATYPES[datatype];
  if (dtype === undefined) throw new RangeError(`a tensor of ${datatype} can't be made up`);
  const bytes = new ArrayBuffer(count * bytesOf(dtype));
  const view = viewOf(dtype, bytes, 0, count);
  for (let i = 0; i < count; i++) view[i] = elementOf(dtype, random) as never;
  return new Uint8Array(bytes);
}

/** An element as a typed array holds it. */
export function elementOf(dtype: DType, random: Random): number | bigint {
  switch (dtype) {
    case 'float32':
    case 'float64':
      return random();
    // From 0.5 to 1: the exponent of 0.5, and any ten bits behind it.
    case 'float16':
      return 0x3800 + Math.floor(random() * 0x400);
    case 'bool':
      return Math.floor(random() * 2);
    case 'int64':
    case 'uint64':
      return BigInt(Math.floor(random() * LARGEST_INTEGER));
    default:
      return Math.floor(random() * LARGEST_INTEGER);
  }
}

/** Each text with the length of its bytes in front, 32 bits. */
function textsOf(count: number, random: Random): Uint8Array {
  const pieces: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const words = Array.from({ length: TEXT_WORDS }, () => WORDS[Math.floor(random() * WORDS.length)]);
    const text = Buffer.from(words.join(' '));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.byteLength);
    pieces.push(length, text);
  }
  return Buffer.concat(pieces);
}
