const JSON_TYPE = { 'content-type': 'application/json' };
const BINARY_TYPE = { 'content-type': 'application/octet-stream' };

const bytesOf = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength);
const floatsOf = (bytes) => new Float32Array(Uint8Array.from(bytes).buffer);
const json = (bytes) => JSON.parse(bytes.toString());

const PROTOCOL_HEAD = Buffer.from(
  JSON.stringify({
    inputs: [
      {
        name: 'image',
        datatype: 'FP32',
        shape: [1, 1, 28, 28],
        parameters: { binary_data_size: 3136 },
      },
    ],
    parameters: { binary_data_output: true },
  }),
);

/**
 * How one image gets into a request and its logits out of the answer, as the clients of each server do it. `about` says it in
 * the table.
 */
export const WIRES = {
  /** The Open Inference Protocol v2 with its extension for binary tensors: Penstock and Triton. */
  protocol: {
    about: 'binary float32, Open Inference Protocol v2',
    path: '/v2/models/digits/infer',
    headers: { ...BINARY_TYPE, 'inference-header-content-length': String(PROTOCOL_HEAD.length) },
    write: ({ ink }) => Buffer.concat([PROTOCOL_HEAD, bytesOf(ink)]),
    read: (bytes, headers) =>
      floatsOf(bytes.subarray(Number(headers.get('inference-header-content-length')))),
  },
  /** Bytes and nothing else. */
  raw: {
    about: 'binary float32',
    path: '/',
    headers: BINARY_TYPE,
    write: ({ ink }) => bytesOf(ink),
    read: floatsOf,
  },
  /** LitServe's documentation sends images so. */
  base64: {
    about: 'JSON, uint8 in base64',
    path: '/predict',
    headers: JSON_TYPE,
    write: ({ bytes }) => Buffer.from(JSON.stringify({ image: bytesOf(bytes).toString('base64') })),
    read: (bytes) => Float32Array.from(json(bytes).logits),
  },
  /** BentoML's clients send numpy arrays so. */
  numbers: {
    about: 'JSON, uint8 as numbers',
    path: '/predict',
    headers: JSON_TYPE,
    write: ({ bytes }) => Buffer.from(JSON.stringify({ images: [[...bytes]] })),
    read: (bytes) => Float32Array.from(json(bytes)[0]),
  },
};
