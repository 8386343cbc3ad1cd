import { type Data, DataType, type Dictionary, type Field, Precision, Type, Vector } from 'apache-arrow';
import { halfTable } from '../util/half.js';
import { dateText, decimalText, durationText, intervalText, timestampText, timeText } from './json-times.js';

/** A row's value as JSON text. */
export type Render = (row: number) => string;

const quoted = (text: string): string => `"${text}"`;

/**
 * How the values of a column of one record batch are written as JSON: what JavaScript, Python and SQL engines read without
 * guessing, and without a digit lost (see docs/outputs.md).
 *
 * @param field tells the shape of a tensor; without, a fixed-size list is one list
 */
export function renderer(data: Data, field?: Field): Render {
  const render = renderValue(data, field);
  // Unions have no nulls of their own.
  if (DataType.isUnion(data.type) || data.nullCount === 0) return render;
  return (row) => (data.getValid(row) ? render(row) : 'null');
}

function renderValue(data: Data, field: Field | undefined): Render {
  const { type } = data;
  switch (type.typeId) {
    case Type.Null:
      return () => 'null';
    case Type.Int:
      return integers(data.values as ArrayLike<number | bigint>);
    case Type.Float:
      return floats(data, (type as DataType & { precision: Precision }).precision);
    case Type.Utf8:
    case Type.LargeUtf8:
    case Type.Utf8View:
      return viaVector(data, (text) => JSON.stringify(text));
    case Type.Binary:
    case Type.LargeBinary:
    case Type.BinaryView:
    case Type.FixedSizeBinary:
      return viaVector(data, (bytes) => quoted(Buffer.from(bytes as Uint8Array).toString('base64')));
    case Type.Bool:
      return viaVector(data, String);
    case Type.Decimal:
      return decimalText(data);
    case Type.Date:
      return dateText(data);
    case Type.Time:
      return timeText(data);
    case Type.Timestamp:
      return timestampText(data);
    case Type.Duration:
      return durationText(data);
    case Type.Interval:
      return intervalText(data);
    case Type.List:
    case Type.LargeList:
      return lists(data);
    case Type.FixedSizeList:
      return fixedSizeLists(data, field);
    case Type.Struct:
      return structs(data);
    case Type.Map:
      return maps(data);
    case Type.Union:
      return unions(data);
    case Type.Dictionary:
      return dictionaries(data as Data<Dictionary>);
    default:
      throw new TypeError(`no JSON for ${type}`);
  }
}

function viaVector(data: Data, write: (value: unknown) => string): Render {
  const vector = new Vector([data]);
  return (row) => write(vector.get(row));
}

/** Digits beyond 2^53 are a text: most readers of JSON would round them. */
function integers(values: ArrayLike<number | bigint>): Render {
  return (row) => {
    const value = values[row] as number | bigint;
    return typeof value === 'number' || Number.isSafeInteger(Number(value))
      ? String(value)
      : quoted(String(value));
  };
}

/** JSON has no NaN and no infinity. */
function number(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  return value === 0 && 1 / value < 0 ? '-0' : String(value);
}

function floats({ values }: Data, precision: Precision): Render {
  if (precision !== Precision.HALF) return (row) => number((values as Float64Array)[row] as number);
  const halves = halfTable();
  return (row) => number(halves[(values as Uint16Array)[row] as number] as number);
}

const joined = (render: Render, from: number, to: number): string => {
  let text = '[';
  for (let i = from; i < to; i++) text += i === from ? render(i) : `,${render(i)}`;
  return `${text}]`;
};

function lists({ valueOffsets: offsets, children }: Data): Render {
  const render = renderer(children[0] as Data);
  return (row) => joined(render, Number(offsets[row]), Number(offsets[row + 1]));
}

function fixedSizeLists({ type, children }: Data, field: Field | undefined): Render {
  const { listSize } = type as DataType & { listSize: number };
  const shape = shapeOf(field);
  let render = renderer(children[0] as Data);
  let size = listSize;
  // From the innermost dimension on, each makes lists of what there is.
  for (const dim of shape.slice(1).reverse()) {
    const inner = render;
    render = (i) => joined(inner, i * dim, (i + 1) * dim);
    size /= dim;
  }
  return (row) => joined(render, row * size, (row + 1) * size);
}

/** The shape of a row of a tensor in row-major order; empty where a list is no tensor. */
function shapeOf(field: Field | undefined): number[] {
  if (field?.metadata.get('ARROW:extension:name') !== 'arrow.fixed_shape_tensor') return [];
  const { shape, permutation } = JSON.parse(field.metadata.get('ARROW:extension:metadata') ?? '{}');
  const { listSize } = field.type as DataType & { listSize: number };
  // One that is stored in another order than it is looked at stays as it is stored; so does one with nothing in it.
  const plain = Array.isArray(shape) && permutation === undefined && listSize > 0;
  return plain && shape.reduce((product, dim) => product * dim, 1) === listSize ? shape : [];
}

function structs({ type, children }: Data): Render {
  const { children: fields } = type as DataType & { children: Field[] };
  const members = fields.map((field, i) => {
    const render = renderer(children[i] as Data, field);
    const start = `${i === 0 ? '' : ','}${JSON.stringify(field.name)}:`;
    return (row: number): string => start + render(row);
  });
  return (row) => `{${members.map((member) => member(row)).join('')}}`;
}

/** An object, where the keys are texts; else a list of keys with their values. */
function maps({ valueOffsets: offsets, children: [entries] }: Data): Render {
  const [keys, values] = (entries as Data).children as [Data, Data];
  const isText = [Type.Utf8, Type.LargeUtf8, Type.Utf8View].includes(keys.type.typeId);
  const [key, value] = [renderer(keys), renderer(values)];
  const entry: Render = isText
    ? (i) => `${key(i)}:${value(i)}`
    : (i) => `{"key":${key(i)},"value":${value(i)}}`;
  return (row) => {
    const items = joined(entry, Number(offsets[row]), Number(offsets[row + 1]));
    return isText ? `{${items.slice(1, -1)}}` : items;
  };
}

function unions(data: Data): Render {
  const { type, typeIds, valueOffsets, children } = data;
  const places = (type as DataType & { typeIdToChildIndex: Record<number, number> }).typeIdToChildIndex;
  const renders = children.map((child) => renderer(child));
  const isDense = DataType.isDenseUnion(type);
  return (row) => {
    const render = renders[places[typeIds[row] as number] as number] as Render;
    return render(isDense ? (valueOffsets[row] as number) : row);
  };
}

/** Each value of a dictionary is written once. */
function dictionaries({ values: indices, dictionary }: Data<Dictionary>): Render {
  const texts: string[] = [];
  for (const chunk of dictionary?.data ?? []) {
    const render = renderer(chunk);
    for (let i = 0; i < chunk.length; i++) texts.push(render(i));
  }
  return (row) => texts[Number(indices[row])] as string;
}
