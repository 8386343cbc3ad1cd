import {
  DataType,
  DateUnit,
  type Field,
  IntervalUnit,
  MetadataVersion,
  TimeUnit,
  Type,
  UnionMode,
} from 'apache-arrow';
import {
  type RecordBatch as BatchMetadata,
  BufferRegion,
  type FieldNode,
} from 'apache-arrow/ipc/metadata/message';
import type { StoredObject } from '../storage/types.js';
import { DataError } from '../util/errors.js';

/** The parts of a record batch's metadata that belong to one column. */
export interface FieldRegions {
  readonly nodes: FieldNode[];
  /** Offsets from the start of the body; empty where nothing of the buffer is needed. */
  readonly buffers: BufferRegion[];
  /** Bytes that each buffer must hold once it is decompressed; undefined where only its own offsets tell. */
  readonly needs: (number | undefined)[];
  readonly variadicCounts: number[];
}

/** A record batch whose buffers are looked for. */
export interface BatchLayout {
  readonly metadata: BatchMetadata;
  readonly version: MetadataVersion;
  readonly bodyLength: number;
  /** As messages name it. */
  readonly what: string;
}

/** Which nodes and buffers of a record batch belong to one of its columns: what makes projection possible. */
export interface FieldBuffers {
  readonly field: Field;
  /** Picks the column's regions out of a batch's metadata; checked against the body's length. */
  regions(batch: BatchLayout): FieldRegions;
  /** Where a column's numbers lie one after another, row by row, if they do and none of them is null. */
  plainValues(batch: BatchLayout, regions: FieldRegions): BufferRegion | undefined;
}

/** A step of the walk through a column: a node and its buffers. */
interface Step {
  /** The bytes of each buffer behind the validity, for a node of so many elements; undefined where nothing tells. */
  readonly needs: readonly (((length: number) => number) | undefined)[];
  /** Whether there is a validity bitmap in front; `V4`: in metadata version 4 alone, and nothing in it is read. */
  readonly validity: boolean | 'V4';
  /** More buffers follow, as many as the record batch says. */
  readonly variadic: boolean;
  /** Elements that the next node must have at the least, for each of this one. */
  readonly childElements: number;
}

/** Where a column's nodes and buffers begin in the metadata of each record batch, but for the variadic ones. */
interface Start {
  readonly node: number;
  readonly buffer: number;
  readonly variadic: number;
}

/** For each field of a schema, where its buffers stand among all buffers of a record batch. */
export function fieldBuffers(object: StoredObject, fields: readonly Field[]): FieldBuffers[] {
  const steps = fields.map((field) => stepsOf(object, field));
  const starts = new Map<MetadataVersion, Start[]>();
  const startsOf = (version: MetadataVersion): Start[] => {
    let known = starts.get(version);
    if (known === undefined) {
      known = layOut(steps, version);
      starts.set(version, known);
    }
    return known;
  };
  return fields.map((field, index) => ({
    field,
    plainValues: ({ metadata }, { nodes, buffers }) =>
      metadata.compression === null && isPlain(field.type) && nodes.every(({ nullCount }) => nullCount === 0)
        ? buffers.at(-1)
        : undefined,
    regions: (batch) =>
      new Walk(object, field, batch).through(steps[index] as Step[], startsOf(batch.version)[index] as Start),
  }));
}

function layOut(steps: readonly (readonly Step[])[], version: MetadataVersion): Start[] {
  let [node, buffer, variadic] = [0, 0, 0];
  return steps.map((ofField) => {
    const start = { node, buffer, variadic };
    for (const step of ofField) {
      node++;
      buffer += ownBuffers(step, version);
      variadic += step.variadic ? 1 : 0;
    }
    return start;
  });
}

const hasValidity = ({ validity }: Step, version: MetadataVersion): boolean =>
  validity === 'V4' ? version < MetadataVersion.V5 : validity;

const ownBuffers = (step: Step, version: MetadataVersion): number =>
  step.needs.length + (hasValidity(step, version) ? 1 : 0);

/** Picks one column out of one batch; what is claimed must fit into what the file holds, before anything is allocated. */
class Walk {
  readonly #object: StoredObject;
  readonly #field: Field;
  readonly #batch: BatchLayout;
  readonly #picked: FieldRegions = { nodes: [], buffers: [], needs: [], variadicCounts: [] };

  constructor(object: StoredObject, field: Field, batch: BatchLayout) {
    this.#object = object;
    this.#field = field;
    this.#batch = batch;
  }

  through(steps: readonly Step[], start: Start): FieldRegions {
    const { metadata, version } = this.#batch;
    const counts = metadata.variadicBufferCounts;
    let { node, buffer, variadic } = start;
    for (let i = 0; i < variadic; i++) buffer += this.#count(counts[i]);
    let atLeast = metadata.length;
    for (const step of steps) {
      const more = step.variadic ? this.#count(counts[variadic++]) : 0;
      const own = ownBuffers(step, version);
      const fieldNode = metadata.nodes[node];
      const buffers = metadata.buffers.slice(buffer, buffer + own + more);
      if (fieldNode === undefined || buffers.length < own + more) throw this.#damaged('lacks buffers');
      this.#checkNode(fieldNode, atLeast, node === start.node);
      this.#pick(fieldNode, step, buffers);
      if (step.variadic) this.#picked.variadicCounts.push(more);
      atLeast = fieldNode.length * step.childElements;
      node++;
      buffer += own + more;
    }
    return this.#picked;
  }

  #count(count: number | undefined): number {
    if (count === undefined || !(count >= 0 && count <= this.#batch.metadata.buffers.length))
      throw this.#damaged(`claims ${count} buffers of a view`);
    return count;
  }

  #checkNode({ length, nullCount }: FieldNode, atLeast: number, isRows: boolean): void {
    if (!(isRows ? length === atLeast : length >= atLeast && length <= MAX_ELEMENTS))
      throw this.#damaged(`claims ${length} elements where ${atLeast} are needed`);
    if (!(nullCount >= 0 && nullCount <= length))
      throw this.#damaged(`claims ${nullCount} nulls among ${length} elements`);
  }

  #pick(node: FieldNode, step: Step, buffers: readonly BufferRegion[]): void {
    const { metadata, version, bodyLength } = this.#batch;
    const { length, nullCount } = node;
    if (step.validity === 'V4' && nullCount > 0) throw this.#damaged('has a union with nulls of its own');
    const bitmap = nullCount > 0 ? Math.ceil(length / 8) : 0;
    const needs = step.needs.map((bytes) => (length === 0 && bytes !== undefined ? 0 : bytes?.(length)));
    // The library's loader passes over a union's bitmap in no version.
    const inVain = step.validity === 'V4' && hasValidity(step, version) ? 1 : 0;
    if (step.validity === true) needs.unshift(bitmap);
    buffers.slice(inVain).forEach(({ offset, length: bytes }, i) => {
      if (!(offset >= 0 && bytes >= 0 && offset + bytes <= bodyLength)) {
        throw this.#damaged(
          `places a buffer at bytes ${offset} to ${offset + bytes} of a body of ${bodyLength}`,
        );
      }
      const need = needs[i];
      if (metadata.compression === null && need !== undefined && bytes < need)
        throw this.#damaged(`has ${bytes} bytes where ${length} elements take ${need}`);
      const wanted = need === undefined || (need > 0 && metadata.compression !== null) ? bytes : need;
      this.#picked.needs.push(need);
      this.#picked.buffers.push(new BufferRegion(offset, wanted));
    });
    this.#picked.nodes.push(node);
  }

  #damaged(problem: string): DataError {
    const { uri } = this.#object;
    const column = this.#field.name;
    const text = `${uri}: is damaged: ${this.#batch.what} ${problem} (column ${JSON.stringify(column)})`;
    return new DataError(text, { file: uri, column, hint: 'Copy or write it again.' });
  }
}

/** Arrow's own limit. */
export const MAX_ELEMENTS = 0x7fffffff;

/** Numbers of whole bytes, or (nested) lists of so many of them. */
function isPlain(type: DataType): boolean {
  if (DataType.isFixedSizeList(type)) return isPlain(type.valueType);
  return DataType.isInt(type) || DataType.isFloat(type) || DataType.isFixedSizeBinary(type);
}

const bits = (width: number) => (length: number) => Math.ceil((length * width) / 8);
/** Offsets are one more than the elements. */
const offsets = (bytes: number) => (length: number) => (length + 1) * bytes;

const INTERVAL_BITS: Record<IntervalUnit, number> = {
  [IntervalUnit.YEAR_MONTH]: 32,
  [IntervalUnit.DAY_TIME]: 64,
  [IntervalUnit.MONTH_DAY_NANO]: 128,
};

const isWhole = (value: unknown, least: number): boolean =>
  Number.isInteger(value) && (value as number) >= least;

/** Whether the numbers in a type are such that Arrow has it: they come from the file. */
function isSane(type: DataType): boolean {
  if (DataType.isDictionary(type)) return isSane(type.indices) && DataType.isInt(type.indices);
  if (DataType.isInt(type)) return [8, 16, 32, 64].includes(type.bitWidth);
  if (DataType.isFloat(type)) return [0, 1, 2].includes(type.precision);
  if (DataType.isDecimal(type)) return [32, 64, 128, 256].includes(type.bitWidth);
  if (DataType.isTime(type))
    return type.unit in TimeUnit && type.bitWidth === (type.unit < TimeUnit.MICROSECOND ? 32 : 64);
  if (DataType.isTimestamp(type) || DataType.isDuration(type)) return type.unit in TimeUnit;
  if (DataType.isDate(type)) return type.unit in DateUnit;
  if (DataType.isInterval(type)) return type.unit in IntervalUnit;
  if (DataType.isFixedSizeBinary(type)) return isWhole(type.byteWidth, 0);
  if (DataType.isFixedSizeList(type)) return isWhole(type.listSize, 0);
  if (DataType.isUnion(type)) return type.mode in UnionMode && type.typeIds.length === type.children.length;
  return true;
}

/** The nodes of a column in the order of the metadata. Source: the Arrow columnar format, «Buffer listing for each layout». */
function stepsOf(object: StoredObject, field: Field): Step[] {
  const { type } = field;
  const step = (needs: Step['needs'], rest: Partial<Step> = {}): Step => ({
    needs,
    validity: true,
    variadic: false,
    childElements: 0,
    ...rest,
  });
  const children = (): Step[] => (type.children ?? []).flatMap((child: Field) => stepsOf(object, child));
  if (!isSane(type)) throw unsupportedType(object, field);
  if (DataType.isDictionary(type)) {
    // Its values are in dictionary batches; what they are made of is checked here all the same.
    stepsOf(object, field.clone({ type: type.dictionary }));
    return [step([bits(type.indices.bitWidth)])];
  }
  switch (type.typeId) {
    case Type.Null:
      return [step([], { validity: false })];
    case Type.Utf8:
    case Type.Binary:
      return [step([offsets(4), undefined])];
    case Type.LargeUtf8:
    case Type.LargeBinary:
      return [step([offsets(8), undefined])];
    case Type.Utf8View:
    case Type.BinaryView:
      return [step([bits(128)], { variadic: true })];
    case Type.List:
    case Type.Map:
      return [step([offsets(4)]), ...children()];
    case Type.LargeList:
      return [step([offsets(8)]), ...children()];
    case Type.Struct:
      // All children are as long as the struct; the walk checks the first against it.
      return [step([], { childElements: 1 }), ...children()];
    case Type.FixedSizeList:
      return [step([], { childElements: type.listSize }), ...children()];
    case Type.Union:
      return [
        step(type.mode === UnionMode.Sparse ? [bits(8)] : [bits(8), bits(32)], { validity: 'V4' }),
        ...children(),
      ];
    case Type.Bool:
      return [step([bits(1)])];
    case Type.Int:
    case Type.Decimal:
    case Type.Time:
      return [step([bits(type.bitWidth)])];
    case Type.Float:
      return [step([bits(16 << type.precision)])];
    case Type.FixedSizeBinary:
      return [step([bits(type.byteWidth * 8)])];
    case Type.Date:
      return [step([bits(type.unit === DateUnit.DAY ? 32 : 64)])];
    case Type.Timestamp:
    case Type.Duration:
      return [step([bits(64)])];
    case Type.Interval:
      return [step([bits(INTERVAL_BITS[type.unit as IntervalUnit])])];
    default:
      throw unsupportedType(object, field);
  }
}

const unsupportedType = ({ uri }: StoredObject, { name, type }: Field): DataError =>
  new DataError(`${uri}: column ${JSON.stringify(name)} is of type ${type}, which is not supported`, {
    file: uri,
    column: name,
  });
