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
}

/** A step of the walk through a column: how many buffers this node takes; `variadic` more are counted per batch. */
interface Step {
  readonly buffers: number;
  readonly variadic: boolean;
}

/** For each field of a schema, where its buffers stand among all buffers of a record batch. */
export function fieldBuffers(object: StoredObject, fields: readonly Field[]): FieldBuffers[] {
  const steps = fields.map((field) => stepsOf(object, field));
  return fields.map((field, index) => ({
    field,
    regions(metadata, bodyLength, where, what): FieldRegions {
      let node = 0;
      let buffer = 0;
      let variadic = 0;
      const picked: FieldRegions = { nodes: [], buffers: [], variadicCounts: [] };
      for (let f = 0; f <= index; f++) {
        for (const step of steps[f] as Step[]) {
          const count = step.variadic ? (metadata.variadicBufferCounts[variadic++] ?? 0) : 0;
          const total = step.buffers + count;
          if (f === index) {
            picked.nodes.push(take(metadata.nodes, node, where, what, field));
            for (let b = 0; b < total; b++) {
              const region = take(metadata.buffers, buffer + b, where, what, field);
              checkRegion(region, bodyLength, where, what, field);
              picked.buffers.push(region);
            }
            if (step.variadic) picked.variadicCounts.push(count);
          }
          node++;
          buffer += total;
        }
      }
      return picked;
    },
  }));
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

/** The nodes of a column in the order of the metadata. Source: the Arrow columnar format, «Buffer listing for each layout». */
function stepsOf(object: StoredObject, field: Field): Step[] {
  const { type } = field;
  const step = (buffers: number, variadic = false): Step => ({ buffers, variadic });
  const children = (): Step[] => (type.children ?? []).flatMap((child: Field) => stepsOf(object, child));
  switch (type.typeId) {
    case Type.Null:
      return [step(0)];
    case Type.Utf8:
    case Type.Binary:
    case Type.LargeUtf8:
    case Type.LargeBinary:
      return [step(3)];
    case Type.Utf8View:
    case Type.BinaryView:
      return [step(2, true)];
    case Type.List:
    case Type.LargeList:
    case Type.Map:
      return [step(2), ...children()];
    case Type.Struct:
    case Type.FixedSizeList:
      return [step(1), ...children()];
    case Type.Union:
      // From metadata version 5 on, unions have no validity of their own.
      return [step(type.mode === UnionMode.Sparse ? 1 : 2), ...children()];
    case Type.Bool:
    case Type.Int:
    case Type.Float:
    case Type.Decimal:
    case Type.Date:
    case Type.Time:
    case Type.Timestamp:
    case Type.Interval:
    case Type.Duration:
    case Type.FixedSizeBinary:
    case Type.Dictionary:
      return [step(2)];
    default:
      throw new DataError(
        `${object.uri}: column ${JSON.stringify(field.name)} is of type ${type}, which is not supported`,
        {
          file: object.uri,
          column: field.name,
        },
      );
  }
}

function take<T>(list: readonly T[], index: number, { uri }: StoredObject, what: string, field: Field): T {
  const item = list[index];
  if (item === undefined) {
    throw new DataError(`${uri}: is damaged: ${what} lacks buffers of column ${JSON.stringify(field.name)}`, {
      file: uri,
    });
  }
  return item;
}

function checkRegion(
  { offset, length }: BufferRegion,
  bodyLength: number,
  { uri }: StoredObject,
  what: string,
  field: Field,
): void {
  if (offset >= 0 && length >= 0 && offset + length <= bodyLength) return;
  throw new DataError(
    `${uri}: is damaged: ${what} places a buffer of column ${JSON.stringify(field.name)} at bytes ${offset} to ` +
      `${offset + length} of a body of ${bodyLength}`,
    { file: uri },
  );
}
