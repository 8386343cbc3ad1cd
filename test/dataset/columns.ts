import * as arrow from 'apache-arrow';

/** A column of one type, nulls among its values. */
export interface SampleColumn {
  readonly name: string;
  /** Some of its rows, as a record batch has them. */
  piece(from: number, rows: number): arrow.Data;
}

type Next = () => number;

const item = (type: arrow.DataType): arrow.Field => new arrow.Field('item', type, true);
const whole = (next: Next, limit: number): number => Math.floor(next() * limit);
const bytes = (next: Next, length: number): Uint8Array => Uint8Array.from({ length }, () => whole(next, 256));
const text = (next: Next): string => 'é∂a'.charAt(whole(next, 3)).repeat(whole(next, 20));
const few = <T>(next: Next, make: () => T): T[] => Array.from({ length: whole(next, 4) }, make);
const word = (next: Next): string => ['red', 'green', '', 'blue'][whole(next, 4)] as string;
const date = (next: Next): Date => new Date(whole(next, 20_000) * 86_400_000);
const big = (next: Next): bigint => BigInt(whole(next, 2 ** 50)) - 2n ** 49n;

const entries = new arrow.Field(
  'entries',
  new arrow.Struct([
    new arrow.Field('key', new arrow.Utf8(), false),
    new arrow.Field('value', new arrow.Int32()),
  ]),
  false,
);

/** How a value of each type is made. */
const TYPES: Record<string, [arrow.DataType, (next: Next) => unknown]> = {
  bool: [new arrow.Bool(), (next) => next() < 0.5],
  int8: [new arrow.Int8(), (next) => whole(next, 256) - 128],
  int16: [new arrow.Int16(), (next) => whole(next, 2 ** 16) - 2 ** 15],
  int32: [new arrow.Int32(), (next) => whole(next, 2 ** 32) - 2 ** 31],
  int64: [new arrow.Int64(), big],
  uint8: [new arrow.Uint8(), (next) => whole(next, 256)],
  uint16: [new arrow.Uint16(), (next) => whole(next, 2 ** 16)],
  uint32: [new arrow.Uint32(), (next) => whole(next, 2 ** 32)],
  uint64: [new arrow.Uint64(), (next) => BigInt(whole(next, 2 ** 50))],
  float16: [new arrow.Float16(), (next) => whole(next, 2048) / 64],
  float32: [new arrow.Float32(), (next) => Math.fround(next() - 0.5)],
  float64: [new arrow.Float64(), (next) => next() * 1e100],
  decimal: [new arrow.Decimal(2, 20, 128), (next) => Uint32Array.from([whole(next, 2 ** 32), 7, 0, 0])],
  dateDay: [new arrow.DateDay(), date],
  dateMillisecond: [new arrow.DateMillisecond(), date],
  timeSecond: [new arrow.TimeSecond(), (next) => whole(next, 86_400)],
  timeNanosecond: [new arrow.TimeNanosecond(), (next) => BigInt(whole(next, 1e12))],
  timestampSecond: [new arrow.TimestampSecond(), (next) => whole(next, 1e6) * 1000],
  timestampNanosecond: [new arrow.TimestampNanosecond('UTC'), (next) => whole(next, 1e6)],
  intervalDayTime: [
    new arrow.IntervalDayTime(),
    (next) => Int32Array.from([whole(next, 99), whole(next, 99)]),
  ],
  intervalMonthDayNano: [
    new arrow.IntervalMonthDayNano(),
    (next) => Int32Array.from([whole(next, 99), whole(next, 99), whole(next, 99), 0]),
  ],
  duration: [new arrow.DurationMicrosecond(), big],
  utf8: [new arrow.Utf8(), text],
  largeUtf8: [new arrow.LargeUtf8(), text],
  utf8View: [new arrow.Utf8View(), text],
  binary: [new arrow.Binary(), (next) => bytes(next, whole(next, 30))],
  largeBinary: [new arrow.LargeBinary(), (next) => bytes(next, whole(next, 30))],
  binaryView: [new arrow.BinaryView(), (next) => bytes(next, whole(next, 30))],
  fixedSizeBinary: [new arrow.FixedSizeBinary(5), (next) => bytes(next, 5)],
  nothing: [new arrow.Null(), () => null],
  list: [
    new arrow.List(item(new arrow.Int32())),
    (next) => few(next, () => (next() < 0.2 ? null : whole(next, 99))),
  ],
  largeList: [new arrow.LargeList(item(new arrow.Float32())), (next) => few(next, () => whole(next, 99))],
  listOfLists: [
    new arrow.List(item(new arrow.List(item(new arrow.Utf8())))),
    (next) => few(next, () => few(next, () => text(next))),
  ],
  fixedSizeList: [
    new arrow.FixedSizeList(3, item(new arrow.Float32())),
    (next) => [whole(next, 9), whole(next, 9), whole(next, 9)],
  ],
  fixedSizeListOfLists: [
    new arrow.FixedSizeList(2, item(new arrow.List(item(new arrow.Bool())))),
    (next) => [few(next, () => next() < 0.5), few(next, () => next() < 0.5)],
  ],
  struct: [
    new arrow.Struct([
      new arrow.Field('x', new arrow.Float64()),
      new arrow.Field('names', new arrow.List(item(new arrow.Utf8View()))),
    ]),
    (next) => ({ x: next(), names: few(next, () => text(next)) }),
  ],
  map: [
    new arrow.Map_(entries as never),
    (next) => new Map(few(next, () => [text(next), whole(next, 99)] as const)),
  ],
  dictionary: [new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8(), 101), word],
  listOfDictionary: [
    new arrow.List(item(new arrow.Dictionary(new arrow.Utf8(), new arrow.Int16(), 102))),
    (next) => few(next, () => word(next)),
  ],
  dictionaryOfLists: [
    new arrow.Dictionary(new arrow.List(item(new arrow.Int32())), new arrow.Uint8(), 103),
    (next) => Array.from({ length: whole(next, 3) }, (_, i) => i),
  ],
};

/** A column of every type, a fifth of the values null. */
export function everyType(rows: number, next: Next): SampleColumn[] {
  const columns = Object.entries(TYPES).map(([name, [type, make]]) => {
    const values = Array.from({ length: rows }, () => (next() < 0.2 ? null : make(next)));
    if (name.includes('ictionary')) return sliced(name, arrow.vectorFromArray(values, type));
    const piece: SampleColumn['piece'] = (from, count) =>
      arrow.vectorFromArray(values.slice(from, from + count), type).data[0] as arrow.Data;
    return { name, piece };
  });
  return [...columns, ...unions(rows, next)];
}

/**
 * Record batches of a file must share their dictionaries. The others are not sliced, since apache-arrow 21.2 writes
 * slices of views and of dense unions wrong.
 */
function sliced(name: string, { data: [data] }: arrow.Vector): SampleColumn {
  return { name, piece: (from, rows) => (data as arrow.Data).slice(from, rows) };
}

/** apache-arrow has no builder that takes plain values for unions. */
function unions(rows: number, next: Next): SampleColumn[] {
  const fields = [new arrow.Field('i', new arrow.Int32()), new arrow.Field('s', new arrow.Utf8())];
  const choice = Int8Array.from({ length: rows }, () => whole(next, 2));
  /** Everything of a piece but its type. */
  const parts = (from: number, length: number) => {
    const numbers = Array.from({ length }, (_, i) => from + i);
    const children = [
      arrow.vectorFromArray(numbers, new arrow.Int32()).data[0] as arrow.Data,
      arrow.vectorFromArray(numbers.map(String), new arrow.Utf8()).data[0] as arrow.Data,
    ];
    return { length, nullCount: 0, typeIds: choice.slice(from, from + length), children };
  };
  const sparse = new arrow.SparseUnion([0, 1], fields);
  const dense = new arrow.DenseUnion([0, 1], fields);
  return [
    { name: 'sparseUnion', piece: (from, count) => arrow.makeData({ type: sparse, ...parts(from, count) }) },
    {
      name: 'denseUnion',
      piece: (from, count) => {
        const valueOffsets = Int32Array.from({ length: count }, (_, i) => i);
        return arrow.makeData({ type: dense, valueOffsets, ...parts(from, count) });
      },
    },
  ];
}

/** An Arrow IPC file of columns, cut into record batches of the given numbers of rows. */
export function fileOf(columns: readonly SampleColumn[], batchRows: readonly number[]): Uint8Array {
  let row = 0;
  const pieces = batchRows.map((rows) => {
    const piece = columns.map((column) => column.piece(row, rows));
    row += rows;
    return piece;
  });
  return fileOfPieces(
    columns.map(({ name }) => name),
    pieces,
  );
}

/** The same of record batches at hand. */
export function fileOfPieces(
  names: readonly string[],
  pieces: readonly (readonly arrow.Data[])[],
): Uint8Array {
  return written(new arrow.RecordBatchFileWriter(), schemaOf(names, pieces), pieces);
}

function schemaOf(names: readonly string[], pieces: readonly (readonly arrow.Data[])[]): arrow.Schema {
  const types = pieces[0]?.map(({ type }) => type) ?? [];
  return new arrow.Schema(names.map((name, i) => new arrow.Field(name, types[i] as arrow.DataType, true)));
}

/** The same as a stream. */
export function streamOfPieces(
  names: readonly string[],
  pieces: readonly (readonly arrow.Data[])[],
): Uint8Array {
  return written(new arrow.RecordBatchStreamWriter(), schemaOf(names, pieces), pieces);
}

function written(
  writer: arrow.RecordBatchWriter,
  schema: arrow.Schema,
  pieces: readonly (readonly arrow.Data[])[],
): Uint8Array {
  writer.reset(undefined, schema);
  for (const children of pieces) {
    const length = children[0]?.length ?? 0;
    const type = new arrow.Struct(schema.fields);
    const data = arrow.makeData({ type, length, nullCount: 0, children: [...children] });
    writer.write(new arrow.RecordBatch(schema, data));
  }
  return writer.finish().toUint8Array(true);
}

/** A column's values as text that is equal for equal values, whatever memory they lie in. */
export function plain(vector: arrow.Vector | null | undefined): string[] {
  if (vector == null) throw new Error('no such column');
  return Array.from(
    vector,
    (value) => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v)) ?? 'undefined',
  );
}
