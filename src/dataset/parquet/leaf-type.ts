import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  FixedSizeBinary,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  TimeMicrosecond,
  TimeMillisecond,
  TimeNanosecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from 'apache-arrow';
import type { SchemaElement } from 'hyparquet';
import { bigEndianDecimals, int32Decimals, int64Decimals, int96Timestamps } from './exotic.js';

/** What the values of a leaf are: in the file, and in Arrow. */
export interface LeafType {
  readonly physical: NonNullable<SchemaElement['type']>;
  /** Bytes of a value in the file; 0 where they differ. Booleans are unpacked to a byte each. */
  readonly width: number;
  readonly arrow: DataType;
  /**
   * Values in the file's form, one after another, as Arrow has them: a view where they are the same. For values of no
   * fixed width, `offsets` says where each begins.
   */
  readonly toArrow: (bytes: Uint8Array, count: number, offsets?: Int32Array) => ArrayBufferView;
}

type TypedArrayType = { new (buffer: ArrayBufferLike, at: number, length: number): ArrayBufferView };

/** The bytes are aligned: buffers of values begin at multiples of the width. */
const view = (Type: TypedArrayType) => (bytes: Uint8Array, count: number) =>
  new Type(bytes.buffer, bytes.byteOffset, count);

const narrow = (Type: { from(values: Int32Array): ArrayBufferView }) => (bytes: Uint8Array, count: number) =>
  Type.from(new Int32Array(bytes.buffer, bytes.byteOffset, count));

const raw = (bytes: Uint8Array): Uint8Array => bytes;

/** The Arrow type of a leaf of the schema; undefined where it is not supported. */
export function leafType(element: SchemaElement): LeafType | undefined {
  const { type: physical, type_length: length = 0 } = element;
  switch (physical) {
    case 'BOOLEAN':
      return { physical, width: 1, arrow: new Bool(), toArrow: raw };
    case 'INT32':
      return { physical, width: 4, ...int32(element) };
    case 'INT64':
      return { physical, width: 8, ...int64(element) };
    case 'INT96':
      return { physical, width: 12, arrow: new TimestampNanosecond(), toArrow: int96Timestamps };
    case 'FLOAT':
      return { physical, width: 4, arrow: new Float32(), toArrow: view(Float32Array) };
    case 'DOUBLE':
      return { physical, width: 8, arrow: new Float64(), toArrow: view(Float64Array) };
    case 'BYTE_ARRAY':
      return { physical, width: 0, ...byteArray(element) };
    case 'FIXED_LEN_BYTE_ARRAY':
      if (!(length > 0)) return undefined;
      return { physical, width: length, ...fixedBytes(element, length) };
    default:
      return undefined;
  }
}

type ArrowForm = Pick<LeafType, 'arrow' | 'toArrow'>;

function int32(element: SchemaElement): ArrowForm {
  const { logical_type: logical, converted_type: converted } = element;
  const decimal = decimalOf(element);
  if (decimal) return { arrow: decimal, toArrow: int32Decimals };
  if (logical?.type === 'DATE' || converted === 'DATE')
    return { arrow: new DateDay(), toArrow: view(Int32Array) };
  if (logical?.type === 'TIME' || converted === 'TIME_MILLIS')
    return { arrow: new TimeMillisecond(), toArrow: view(Int32Array) };
  const said =
    logical?.type === 'INTEGER' ? `${logical.isSigned ? 'INT' : 'UINT'}_${logical.bitWidth}` : converted;
  switch (said) {
    case 'INT_8':
      return { arrow: new Int8(), toArrow: narrow(Int8Array) };
    case 'INT_16':
      return { arrow: new Int16(), toArrow: narrow(Int16Array) };
    case 'UINT_8':
      return { arrow: new Uint8(), toArrow: narrow(Uint8Array) };
    case 'UINT_16':
      return { arrow: new Uint16(), toArrow: narrow(Uint16Array) };
    case 'UINT_32':
      return { arrow: new Uint32(), toArrow: view(Uint32Array) };
    default:
      return { arrow: new Int32(), toArrow: view(Int32Array) };
  }
}

function int64(element: SchemaElement): ArrowForm {
  const { logical_type: logical, converted_type: converted } = element;
  const decimal = decimalOf(element);
  if (decimal) return { arrow: decimal, toArrow: int64Decimals };
  const toArrow = view(BigInt64Array);
  if (logical?.type === 'TIMESTAMP') {
    const zone = logical.isAdjustedToUTC ? 'UTC' : null;
    const { unit } = logical;
    if (unit === 'MILLIS') return { arrow: new TimestampMillisecond(zone), toArrow };
    if (unit === 'MICROS') return { arrow: new TimestampMicrosecond(zone), toArrow };
    return { arrow: new TimestampNanosecond(zone), toArrow };
  }
  if (converted === 'TIMESTAMP_MILLIS') return { arrow: new TimestampMillisecond('UTC'), toArrow };
  if (converted === 'TIMESTAMP_MICROS') return { arrow: new TimestampMicrosecond('UTC'), toArrow };
  if (logical?.type === 'TIME')
    return { arrow: logical.unit === 'NANOS' ? new TimeNanosecond() : new TimeMicrosecond(), toArrow };
  if (converted === 'TIME_MICROS') return { arrow: new TimeMicrosecond(), toArrow };
  const unsigned = logical?.type === 'INTEGER' ? !logical.isSigned : converted === 'UINT_64';
  return unsigned ? { arrow: new Uint64(), toArrow: view(BigUint64Array) } : { arrow: new Int64(), toArrow };
}

function byteArray(element: SchemaElement): ArrowForm {
  const decimal = decimalOf(element);
  if (decimal) return { arrow: decimal, toArrow: bigEndianDecimals(decimal.bitWidth, undefined) };
  const said = element.logical_type?.type ?? element.converted_type;
  const isText = said === 'STRING' || said === 'UTF8' || said === 'ENUM' || said === 'JSON';
  return { arrow: isText ? new Utf8() : new Binary(), toArrow: raw };
}

function fixedBytes(element: SchemaElement, length: number): ArrowForm {
  const decimal = decimalOf(element);
  if (decimal) return { arrow: decimal, toArrow: bigEndianDecimals(decimal.bitWidth, length) };
  if (element.logical_type?.type === 'FLOAT16' && length === 2)
    return { arrow: new Float16(), toArrow: view(Uint16Array) };
  return { arrow: new FixedSizeBinary(length), toArrow: raw };
}

function decimalOf({
  logical_type: logical,
  converted_type: converted,
  ...element
}: SchemaElement): Decimal | undefined {
  if (logical?.type !== 'DECIMAL' && converted !== 'DECIMAL') return undefined;
  const { precision = 0, scale = 0 } = logical?.type === 'DECIMAL' ? logical : element;
  if (!(precision > 0 && precision <= 76 && scale >= 0 && scale <= precision))
    throw new RangeError(`a column is a decimal of ${precision} digits, ${scale} of them fractional`);
  return new Decimal(scale, precision, precision > 38 ? 256 : 128);
}
