import { deserialize, serialize } from 'node:v8';
import { bytesOf, type TypedArray, viewOf } from '../../util/dtype.js';
import type { ErrorRecord } from '../../util/errors.js';
import type { Session, SessionSpec, TensorView } from '../types.js';

/*
 * What a session's process and the thread that uses it say to each other, over one socket: the thread asks, the process
 * answers, one at a time. A message is four bytes of length, little-endian, and the message by V8's serializer; `ran`,
 * which comes after every batch, is the message of no length.
 *
 * The tensors of a batch lie in an area, laid out by `placesOf` on both sides. Where both have mapped the same memory as
 * that area, nothing of them goes over the socket. Where there is no such memory, their bytes follow the messages, one
 * tensor after another: those of the inputs behind `run` and `outputDims`, those of the outputs behind `ran`.
 */

/** The child's file descriptors. */
export const Descriptor = {
  /** The socket. */
  socket: 3,
  /** A pipe in which nothing is ever written: it ends when the parent does. */
  watch: 4,
  /** The shared memory, where there is some. */
  memory: 5,
} as const;

export const HEAD_BYTES = 4;

/** A tensor without its memory. */
export interface TensorInfo extends Omit<TensorView, 'data'> {
  /** Elements. */
  readonly length: number;
}

/** What a session tells of itself. */
export type SessionInfo = Pick<Session, 'inputs' | 'outputs' | 'device' | 'warnings'>;

/** To run a batch; `outputDims`, for which it has no outputs, tells what they would be. */
export interface BatchRequest {
  readonly kind: 'run' | 'outputDims';
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

/** Thread → process. */
export type Request =
  | { readonly kind: 'load'; readonly spec: SessionSpec; readonly sharesMemory: boolean }
  | BatchRequest
  | { readonly kind: 'close' };

/** Process → thread. */
export type Reply =
  | { readonly kind: 'loaded'; readonly info: SessionInfo }
  | { readonly kind: 'ran' }
  | { readonly kind: 'outputDims'; readonly dims: ReadonlyMap<string, readonly number[]> }
  | { readonly kind: 'closed' }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };

const RAN: Reply = { kind: 'ran' };

/** A message as it goes over the socket. */
export function frame(message: Request | Reply): Buffer {
  const bytes = message.kind === 'ran' ? Buffer.of() : serialize(message);
  const framed = Buffer.allocUnsafe(HEAD_BYTES + bytes.byteLength);
  framed.writeUInt32LE(bytes.byteLength);
  bytes.copy(framed, HEAD_BYTES);
  return framed;
}

/** What is behind the length. */
export function unframe(message: Buffer): Reply {
  return message.byteLength === 0 ? RAN : deserialize(message);
}

export function infoOf({ data, ...info }: TensorView): TensorInfo {
  return { ...info, length: data.length };
}

/** A cache line, and what AVX-512 loads want. */
const ALIGNMENT = 64;

/** Where tensors lie in the area, one after another, and how many bytes they need. */
export function placesOf(tensors: readonly TensorInfo[]): { offsets: readonly number[]; bytes: number } {
  let bytes = 0;
  const offsets = tensors.map(({ dtype, length }) => {
    const offset = bytes;
    bytes += Math.ceil((length * bytesOf(dtype)) / ALIGNMENT) * ALIGNMENT;
    return offset;
  });
  return { offsets, bytes };
}

/** A tensor at its place in the area. */
export function viewAt({ length, ...info }: TensorInfo, area: ArrayBuffer, offset: number): TensorView {
  return { ...info, data: viewOf(info.dtype, area, offset, length) };
}

export function bytesIn({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
