import { type Data, DataType, type Dictionary, Vector } from 'apache-arrow';
import { remade } from '../dataset/remade.js';
import { DataError } from '../util/errors.js';

/**
 * One column of several record batches with dictionaries that they share: each batch travels with a copy of its own, and a
 * file has one for all of them. Batches of one file have equal ones; in a stream they grow, or are replaced.
 *
 * @throws DataError where they hold more values together than the column's indices can tell apart
 */
export function shareDictionaries(name: string, batches: readonly Data[]): Data[] {
  const [first] = batches;
  if (first === undefined) return [];
  if (DataType.isDictionary(first.type)) return shared(name, batches);
  const children = first.children.map((_, i) =>
    shareDictionaries(
      name,
      batches.map((data) => data.children[i] as Data),
    ),
  );
  return batches.map((data, b) => {
    const own = children.map((child) => child[b] as Data);
    return own.every((child, i) => child === data.children[i])
      ? data
      : remade(data, { type: first.type, children: own });
  });
}

/** A dictionary that some batches have, from element `base` of the shared one on. */
interface Segment {
  readonly base: number;
  chunks: readonly Data[];
}

function shared(name: string, batches: readonly Data[]): Data[] {
  const segments: Segment[] = [];
  const bases = batches.map(({ dictionary }) => place(segments, dictionary?.data ?? []));
  const all = new Vector(segments.flatMap(({ chunks }) => chunks));
  const { type } = batches[0] as Data<Dictionary>;
  const { bitWidth, isSigned } = type.indices;
  const most = 2 ** (bitWidth - (isSigned ? 1 : 0));
  // Where none was replaced, the indices are as they were, and so they fit.
  if (segments.length > 1 && all.length > most) {
    throw new DataError(
      `column ${JSON.stringify(name)}: its dictionaries hold ${all.length} values together, more than its indices (${type.indices}) can tell apart`,
      { column: name, hint: 'Write its source with indices of 32 bits, or leave it out of sink.keep.' },
    );
  }
  return batches.map((data, b) => {
    const base = bases[b] as number;
    const values = base === 0 ? data.values : shifted(data.values, base);
    return remade(data, { type, values, dictionary: all });
  });
}

/** Where a dictionary's values begin among those of all segments; makes or lengthens a segment where none has them. */
function place(segments: Segment[], chunks: readonly Data[]): number {
  const holder = segments.find((segment) => begins(segment.chunks, chunks));
  if (holder !== undefined) return holder.base;
  const last = segments.at(-1);
  if (last !== undefined && begins(chunks, last.chunks)) {
    last.chunks = chunks;
    return last.base;
  }
  const base = last === undefined ? 0 : last.base + rowsOf(last.chunks);
  segments.push({ base, chunks });
  return base;
}

const rowsOf = (chunks: readonly Data[]): number => chunks.reduce((sum, { length }) => sum + length, 0);

/** Whether `chunks` begins with `first`. A dictionary grows by whole chunks. */
const begins = (chunks: readonly Data[], first: readonly Data[]): boolean =>
  first.length <= chunks.length && first.every((chunk, i) => same(chunk, chunks[i] as Data));

/** Whether two arrays are equal in memory: copies of one array are. */
function same(one: Data, other: Data): boolean {
  if (one === other) return true;
  const [chunks, others] = [one.dictionary?.data ?? [], other.dictionary?.data ?? []];
  const [buffers, otherBuffers] = [buffersOf(one), buffersOf(other)];
  return (
    one.length === other.length &&
    one.nullCount === other.nullCount &&
    one.children.length === other.children.length &&
    buffers.every((buffer, i) => sameBytes(buffer, otherBuffers[i])) &&
    one.children.every((child, i) => same(child, other.children[i] as Data)) &&
    chunks.length === others.length &&
    begins(chunks, others)
  );
}

const buffersOf = (data: Data): (ArrayBufferView | undefined)[] => [
  data.valueOffsets,
  data.values,
  data.nullBitmap,
  data.typeIds,
  ...data.variadicBuffers,
];

function sameBytes(one: ArrayBufferView | undefined, other: ArrayBufferView | undefined): boolean {
  if (one === undefined || other === undefined) return (one?.byteLength ?? 0) === (other?.byteLength ?? 0);
  return Buffer.compare(bytesOf(one), bytesOf(other)) === 0;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function shifted<T extends { slice(): T; length: number; [i: number]: number | bigint }>(
  indices: T,
  by: number,
): T {
  const moved = indices.slice();
  for (let i = 0; i < moved.length; i++) {
    const index = moved[i] as number | bigint;
    moved[i] = typeof index === 'bigint' ? index + BigInt(by) : index + by;
  }
  return moved;
}
