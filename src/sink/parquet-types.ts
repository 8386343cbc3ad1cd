import {
  type Data,
  DataType,
  DateDay,
  Dictionary,
  type Field,
  FixedSizeList,
  IntervalUnit,
  LargeList,
  List,
  Map_,
  Struct,
  TimeMillisecond,
  TimestampMillisecond,
  TimeUnit,
  Vector,
} from 'apache-arrow';
import { remade } from '../dataset/remade.js';
import { DataError } from '../util/errors.js';

const DAY_MS = 86_400_000n;
/** Seconds beyond this are more milliseconds than 64 bits hold. */
const MOST_SECONDS = 9_223_372_036_854_775n;

/** What keeps a column out of a Parquet file, worded to follow its type; undefined where nothing does. */
export function unfitForParquet(type: DataType): string | undefined {
  if (DataType.isUnion(type)) return 'for which Parquet has no type';
  if (DataType.isInterval(type) && type.unit === IntervalUnit.MONTH_DAY_NANO)
    return "whose nanoseconds Parquet's intervals have no room for";
  if (DataType.isDictionary(type)) {
    const { dictionary } = type;
    const nested = (dictionary.children?.length ?? 0) > 0;
    return nested ? 'and Parquet has dictionaries of plain values only' : unfitForParquet(dictionary);
  }
  return (type.children ?? [])
    .map((child: Field) => unfitForParquet(child.type))
    .find((reason: string | undefined) => reason !== undefined);
}

/**
 * A column with the types that Parquet has no words for made into those that come closest, and hold the same values:
 * times and timestamps in seconds are in milliseconds, dates in milliseconds are in days, as pyarrow's writer has them too.
 *
 * @throws DataError where that is not possible without a loss
 */
export function inParquetTypes(column: string, data: Data): Data {
  const { type } = data;
  if (DataType.isDictionary(type)) return inDictionary(column, data as Data<Dictionary>);
  if (DataType.isTimestamp(type) && type.unit === TimeUnit.SECOND)
    return with64(data, new TimestampMillisecond(type.timezone), (seconds) => milliseconds(column, seconds));
  if (DataType.isTime(type) && type.unit === TimeUnit.SECOND) {
    const values = Int32Array.from(data.values as Int32Array, (seconds) => seconds * 1000);
    return remade(data, { type: new TimeMillisecond(), values });
  }
  if (DataType.isDate(type) && data.values instanceof BigInt64Array) {
    const days = Int32Array.from(data.values, (time, row) => (data.getValid(row) ? dayOf(column, time) : 0));
    return remade(data, { type: new DateDay(), values: days });
  }
  const children = data.children.map((child) => inParquetTypes(column, child));
  if (children.every((child, i) => child === data.children[i])) return data;
  return remade(data, { type: withChildren(type, children), children });
}

function inDictionary(column: string, data: Data<Dictionary>): Data {
  const { type, dictionary } = data;
  const chunks = dictionary?.data ?? [];
  const changed = chunks.map((chunk) => inParquetTypes(column, chunk));
  const [first] = changed;
  if (first === undefined || changed.every((chunk, i) => chunk === chunks[i])) return data;
  const own = new Dictionary(first.type, type.indices, type.id, type.isOrdered);
  return remade(data, { type: own, dictionary: new Vector(changed) });
}

function with64(data: Data, type: DataType, change: (value: bigint) => bigint): Data {
  const values = BigInt64Array.from(data.values as BigInt64Array, (value, row) =>
    data.getValid(row) ? change(value) : 0n,
  );
  return remade(data, { type, values });
}

function milliseconds(column: string, seconds: bigint): bigint {
  if (seconds <= MOST_SECONDS && seconds >= -MOST_SECONDS) return seconds * 1000n;
  throw lossy(column, `a timestamp of ${seconds} s is out of the range of Parquet's milliseconds`);
}

function dayOf(column: string, time: bigint): number {
  if (time % DAY_MS === 0n) return Number(time / DAY_MS);
  throw lossy(column, `a date of ${time} ms is not a whole day, and Parquet's dates are days`);
}

function lossy(column: string, what: string): DataError {
  return new DataError(`column ${JSON.stringify(column)}: ${what}`, {
    column,
    hint: 'Write arrow (sink.format), or leave the column out of sink.keep.',
  });
}

function withChildren(type: DataType, children: readonly Data[]): DataType {
  const fields = (type.children as Field[]).map((field, i) =>
    field.clone({ type: children[i]?.type as DataType }),
  );
  const [first] = fields as [Field];
  if (DataType.isList(type)) return new List(first);
  if (DataType.isLargeList(type)) return new LargeList(first);
  if (DataType.isFixedSizeList(type)) return new FixedSizeList(type.listSize, first);
  if (DataType.isMap(type)) return new Map_(first as never, type.keysSorted);
  return new Struct(fields);
}
