import { DataType, type Field, Type, UnionMode } from 'apache-arrow';
import type {
  RecordBatch as BatchMetadata,
  BufferRegion,
  FieldNode,
} from 'apache-arrow/ipc/metadata/message';
import type { StoredObject } from '../storage/types.js';
import { DataError } from '../util/errors.js';

/** The parts of a record batch's metadata that belong to one column. */
export interface FieldRegions {
  readonly nodes: FieldNode[];
  /** Offsets from the start of the body. */
  readonly buffers: BufferRegion[];
  readonly variadicCounts: number[];
}

/** Which nodes and buffers of a record batch belong to one of its columns: what makes projection possible. */
export interface FieldBuffers {
  readonly field: Field;
  /** Picks the column's regions out of a batch's metadata; checked against the body's length. */
  regions(metadata: BatchMetadata, bodyLength: number, object: StoredObject, what: string): FieldRegions;
  /** Where a column's numbers lie one after another, row by row, if they do and none of them is null. */
  plainValues(regions: FieldRegions): BufferRegion | undefined;
}

/** A step of the walk through a column: a node and its buffers. */
interface Step {
  /** The least bytes of each buffer behind the validity, for a node of so many elements. */
  readonly least: readonly ((length: number) => number)[];
  /** Whether there is a validity bitmap in front. */
  readonly validity: boolean;
  /** More buffers follow, as many as the record batch says. */
  readonly variadic: boolean;
  /** Elements that the next node must have at the least, for each of this one. */
  readonly childElements: number;
}

/** For each field of a schema, where its buffers stand among all buffers of a record batch. */
export function fieldBuffers(object: StoredObject, fields: readonly Field[]): FieldBuffers[] {
  const steps = fields.map((field) => stepsOf(object, field));
  return fields.map((field, index) => ({
    field,
    plainValues: ({ nodes, buffers }): BufferRegion | undefined =>
      isPlain(field.type) && nodes.every(({ nullCount }) => nullCount === 0) ? buffers.at(-1) : undefined,
    regions(metadata, bodyLength, where, what): FieldRegions {
      const damaged = (problem: string): DataError =>
        new DataError(`${where.uri}: is damaged: ${what} ${problem} (column ${JSON.stringify(field.name)})`, {
          file: where.uri,
          column: field.name,
        });
      let node = 0;
      let buffer = 0;
      let variadic = 0;
      let atLeast = metadata.length;
      const picked: FieldRegions = { nodes: [], buffers: [], variadicCounts: [] };
      for (let f = 0; f <= index; f++) {
        for (const step of steps[f] as Step[]) {
          const more = step.variadic ? (metadata.variadicBufferCounts[variadic++] ?? 0) : 0;
          const own = step.least.length + (step.validity ? 1 : 0);
          if (f === index) {
            const fieldNode = metadata.nodes[node];
            const buffers = metadata.buffers.slice(buffer, buffer + own + more);
            if (fieldNode === undefined || buffers.length < own + more) throw damaged('lacks buffers');
            checkNode(fieldNode, atLeast, damaged);
            checkBuffers(fieldNode, step, buffers, bodyLength, damaged);
            picked.nodes.push(fieldNode);
            picked.buffers.push(...buffers);
            if (step.variadic) picked.variadicCounts.push(more);
            atLeast = fieldNode.length * step.childElements;
          }
          node++;
          buffer += own + more;
        }
      }
      return picked;
    },
  }));
}

type Damaged = (problem: string) => DataError;

/** What a file claims must fit into what it holds, before anything is allocated for it. */
function checkNode({ length, nullCount }: FieldNode, atLeast: number, damaged: Damaged): void {
  if (!(length >= atLeast && length <= 0x7fffffff))
    throw damaged(`claims ${length} elements where ${atLeast} are needed`);
  if (!(nullCount >= 0 && nullCount <= length))
    throw damaged(`claims ${nullCount} nulls among ${length} elements`);
}

function checkBuffers(
  { length, nullCount }: FieldNode,
  { least, validity }: Step,
  buffers: readonly BufferRegion[],
  bodyLength: number,
  damaged: Damaged,
): void {
  const bitmap = nullCount > 0 ? Math.ceil(length / 8) : 0;
  const needs = [...(validity ? [bitmap] : []), ...least.map((bytes) => (length === 0 ? 0 : bytes(length)))];
  buffers.forEach(({ offset, length: bytes }, i) => {
    if (!(offset >= 0 && bytes >= 0 && offset + bytes <= bodyLength)) {
      throw damaged(`places a buffer at bytes ${offset} to ${offset + bytes} of a body of ${bodyLength}`);
    }
    const need = needs[i] ?? 0;
    if (bytes < need) throw damaged(`has ${bytes} bytes where ${length} elements take ${need}`);
  });
}

/** Numbers of whole bytes, or (nested) lists of so many of them. */
function isPlain(type: DataType): boolean {
  if (DataType.isFixedSizeList(type)) return isPlain(type.valueType);
  return DataType.isInt(type) || DataType.isFloat(type) || DataType.isFixedSizeBinary(type);
}

/** The dictionary-encoded fields among these and their children, by dictionary id. */
export function dictionariesOf(
  fields: readonly Field[],
  into = new Map<number, Field>(),
): Map<number, Field> {
  for (const field of fields) {
    if (DataType.isDictionary(field.type)) {
      const { id, dictionary } = field.type;
      into.set(id, field.clone({ type: dictionary }));
      dictionariesOf(dictionary.children ?? [], into);
    } else {
      dictionariesOf(field.type.children ?? [], into);
    }
  }
  return into;
}

const bits = (width: number) => (length: number) => Math.ceil((length * width) / 8);
/** Offsets are one more than the elements. */
const offsets = (bytes: number) => (length: number) => (length + 1) * bytes;
const anything = (): number => 0;

/** The nodes of a column in the order of the metadata. Source: the Arrow columnar format, «Buffer listing for each layout». */
function stepsOf(object: StoredObject, field: Field): Step[] {
  const { type } = field;
  const step = (least: Step['least'], rest: Partial<Step> = {}): Step => ({
    least,
    validity: true,
    variadic: false,
    childElements: 0,
    ...rest,
  });
  const children = (): Step[] => (type.children ?? []).flatMap((child: Field) => stepsOf(object, child));
  if (DataType.isDictionary(type)) return [step([bits(type.indices.bitWidth)])];
  switch (type.typeId) {
    case Type.Null:
      return [step([], { validity: false })];
    case Type.Utf8:
    case Type.Binary:
      return [step([offsets(4), anything])];
    case Type.LargeUtf8:
    case Type.LargeBinary:
      return [step([offsets(8), anything])];
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
      // From metadata version 5 on, unions have no validity of their own.
      return [
        step(type.mode === UnionMode.Sparse ? [bits(8)] : [bits(8), bits(32)], { validity: false }),
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
      return [step([bits(32)])];
    case Type.Timestamp:
    case Type.Duration:
      return [step([bits(64)])];
    case Type.Interval:
      return [step([bits(32)])];
    default:
      throw new DataError(
        `${object.uri}: column ${JSON.stringify(field.name)} is of type ${type}, which is not supported`,
        { file: object.uri, column: field.name },
      );
  }
}
