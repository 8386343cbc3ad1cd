import { type Data, DataType, type RecordBatch, Vector } from 'apache-arrow';
import { halfToNumber } from '../../util/half.js';
import type { Comparison, Literal } from './ast.js';
import type { Domain, Predicate } from './bind.js';
import { likeTest } from './like.js';

/** SQL's three truths, so that AND is the lesser, OR the greater, and NOT the distance from the top. */
export const FALSE = 0;
export const UNKNOWN = 1;
export const TRUE = 2;

/** The rows of a batch for which a filter is true, ascending. */
export function selectedRows(predicate: Predicate, batch: RecordBatch): Int32Array {
  const truth = evaluate(predicate, batch);
  const rows = new Int32Array(truth.length);
  let count = 0;
  for (let row = 0; row < truth.length; row++) if (truth[row] === TRUE) rows[count++] = row;
  return rows.subarray(0, count);
}

function evaluate(predicate: Predicate, batch: RecordBatch): Uint8Array {
  switch (predicate.kind) {
    case 'and':
    case 'or': {
      const left = evaluate(predicate.left, batch);
      const right = evaluate(predicate.right, batch);
      const pick = predicate.kind === 'and' ? Math.min : Math.max;
      for (let i = 0; i < left.length; i++) left[i] = pick(left[i] as number, right[i] as number);
      return left;
    }
    case 'not': {
      const truth = evaluate(predicate.operand, batch);
      for (let i = 0; i < truth.length; i++) truth[i] = TRUE - (truth[i] as number);
      return truth;
    }
    case 'isNull': {
      const data = columnOf(batch, predicate.column);
      return Uint8Array.from({ length: batch.numRows }, (_, row) => (isNull(data, row) ? TRUE : FALSE));
    }
    case 'like': {
      const test = likeTest(predicate.pattern);
      return evaluateText(columnOf(batch, predicate.column), test);
    }
    case 'in': {
      const { column, domain, values } = predicate;
      const data = columnOf(batch, column);
      if (domain === 'text') {
        const set = new Set(values);
        return evaluateText(data, (text) => set.has(text));
      }
      const tests = values.map((value) => valueTest('=', value));
      return evaluateValues(data, domain, (value) => tests.some((test) => test(value)));
    }
    case 'compare': {
      const { column, domain, op, value } = predicate;
      const data = columnOf(batch, column);
      return domain === 'text'
        ? evaluateText(data, textTest(op, value as string))
        : evaluateValues(data, domain, valueTest(op, value));
    }
  }
}

function columnOf(batch: RecordBatch, column: string): Data {
  const data = batch.getChild(column)?.data[0];
  if (data === undefined) throw new RangeError(`the record batch has no column ${column}`);
  return data;
}

function isNull(data: Data, row: number): boolean {
  if (DataType.isNull(data.type)) return true;
  if (!data.getValid(row)) return true;
  if (!DataType.isDictionary(data.type)) return false;
  // A value of a dictionary may be null itself.
  return (data.dictionary?.nullCount ?? 0) > 0 && data.dictionary?.get(Number(data.values[row])) === null;
}

/** Bigints and numbers compare by what they are worth, whichever is which. */
type Value = number | bigint | boolean;

function evaluateValues(data: Data, domain: Domain, test: (value: Value) => boolean): Uint8Array {
  const at = valuesOf(data, domain);
  const truth = new Uint8Array(data.length);
  for (let row = 0; row < truth.length; row++) {
    truth[row] = isNull(data, row) ? UNKNOWN : test(at(row)) ? TRUE : FALSE;
  }
  return truth;
}

/** Values as they are stored, by row. */
function valuesOf(data: Data, domain: Domain): (row: number) => Value {
  const { type, values } = data;
  if (DataType.isDictionary(type)) {
    const inner = data.dictionary?.data.map((chunk) => valuesOf(chunk, domain)) ?? [];
    const chunks = data.dictionary?.data ?? [];
    return (row) => {
      let index = Number(values[row]);
      let chunk = 0;
      while (index >= (chunks[chunk]?.length ?? Number.POSITIVE_INFINITY))
        index -= chunks[chunk++]?.length ?? 0;
      return (inner[chunk] as (row: number) => Value)(index);
    };
  }
  if (DataType.isBool(type)) {
    return (row) => {
      const bit = data.offset + row;
      return (((values[bit >> 3] as number) >> (bit & 7)) & 1) === 1;
    };
  }
  if (DataType.isFloat(type) && type.precision === 0) return (row) => halfToNumber(values[row] as number);
  if (DataType.isDecimal(type)) {
    const words = type.bitWidth / 32;
    return (row) => {
      let value = 0n;
      for (let w = words - 1; w >= 0; w--) value = (value << 32n) | BigInt(values[row * words + w] as number);
      return BigInt.asIntN(type.bitWidth, value);
    };
  }
  return (row) => values[row] as number | bigint;
}

function valueTest(op: Comparison, value: Literal): (other: Value) => boolean {
  switch (op) {
    case '=':
      // biome-ignore lint/suspicious/noDoubleEquals: 1n and 1 are the same number
      return (other) => other == value;
    case '<>':
      // biome-ignore lint/suspicious/noDoubleEquals: as above
      return (other) => other != value;
    case '<':
      return (other) => other < value;
    case '<=':
      return (other) => other <= value;
    case '>':
      return (other) => other > value;
    case '>=':
      return (other) => other >= value;
  }
}

function evaluateText(data: Data, test: (text: string) => boolean): Uint8Array {
  const truth = new Uint8Array(data.length);
  if (DataType.isDictionary(data.type)) {
    // Each word of the dictionary once.
    const words = data.dictionary as Vector;
    const known = Uint8Array.from({ length: words.length }, (_, i) => truthOf(words.get(i), test));
    for (let row = 0; row < truth.length; row++)
      truth[row] = data.getValid(row) ? (known[Number(data.values[row])] as number) : UNKNOWN;
    return truth;
  }
  const vector = new Vector([data]);
  for (let row = 0; row < truth.length; row++) truth[row] = truthOf(vector.get(row), test);
  return truth;
}

const truthOf = (text: string | null, test: (text: string) => boolean): number =>
  text === null ? UNKNOWN : test(text) ? TRUE : FALSE;

function textTest(op: Comparison, value: string): (text: string) => boolean {
  if (op === '=') return (text) => text === value;
  if (op === '<>') return (text) => text !== value;
  const bytes = Buffer.from(value);
  // By their bytes, as databases do, and as the statistics of files are: UTF-16 is in another order.
  const order = (text: string): number => Buffer.compare(Buffer.from(text), bytes);
  const test = valueTest(op, 0);
  return (text) => test(order(text));
}
