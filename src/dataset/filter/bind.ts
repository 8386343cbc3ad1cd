import { DataType, DateUnit, Precision, type Schema, TimeUnit } from 'apache-arrow';
import type { UsageError } from '../../util/errors.js';
import { halfToNumber, numberToHalf } from '../../util/half.js';
import type { Comparison, Expression, Literal } from './ast.js';
import { fault } from './tokens.js';

/**
 * How a column's values are compared: `number` as they are stored (whole days, nanoseconds, …), `float` with NaN among
 * them, `text` by its UTF-8 bytes.
 */
export type Domain = 'number' | 'float' | 'boolean' | 'text';

/** A filter that fits a schema: values are in the domain of their column. */
export type Predicate =
  | { readonly kind: 'and' | 'or'; readonly left: Predicate; readonly right: Predicate }
  | { readonly kind: 'not'; readonly operand: Predicate }
  | {
      readonly kind: 'compare';
      readonly column: string;
      readonly domain: Domain;
      readonly op: Comparison;
      readonly value: Literal;
    }
  | {
      readonly kind: 'in';
      readonly column: string;
      readonly domain: Domain;
      readonly values: readonly Literal[];
    }
  | { readonly kind: 'like'; readonly column: string; readonly pattern: string }
  | { readonly kind: 'isNull'; readonly column: string };

/** @throws UsageError where a column is not there, or is of another type than what it is compared with */
export function bindFilter(expression: Expression, schema: Schema, source: string): Predicate {
  return new Binder(schema, source).bind(expression);
}

class Binder {
  readonly #schema: Schema;
  readonly #source: string;

  constructor(schema: Schema, source: string) {
    this.#schema = schema;
    this.#source = source;
  }

  bind(expression: Expression): Predicate {
    switch (expression.kind) {
      case 'and':
      case 'or': {
        const { kind, left, right } = expression;
        return { kind, left: this.bind(left), right: this.bind(right) };
      }
      case 'not':
        return { kind: 'not', operand: this.bind(expression.operand) };
      case 'isNull': {
        this.#type(expression);
        return { kind: 'isNull', column: expression.column };
      }
      case 'like': {
        const { column, pattern } = expression;
        const type = this.#type(expression);
        if (domainOf(type) !== 'text') throw this.#misfit(expression, type, 'LIKE compares text');
        return { kind: 'like', column, pattern };
      }
      case 'compare': {
        const { column, op, value } = expression;
        const type = this.#type(expression);
        const domain = this.#domain(expression, type);
        return { kind: 'compare', column, domain, op, value: this.#fit(expression, type, domain, value) };
      }
      case 'in': {
        const { column } = expression;
        const type = this.#type(expression);
        const domain = this.#domain(expression, type);
        const values = expression.values.map((value) => this.#fit(expression, type, domain, value));
        return { kind: 'in', column, domain, values };
      }
    }
  }

  #type({ column, at }: Named): DataType {
    const { fields } = this.#schema;
    const type = fields.find(({ name }) => name === column)?.type;
    if (type !== undefined) return type;
    const names = fields.map(({ name }) => name).join(', ');
    const what = `there is no column ${JSON.stringify(column)} (the source's columns are ${names})`;
    throw fault(this.#source, at, what);
  }

  #domain(named: Named, type: DataType): Domain {
    const domain = domainOf(type);
    if (domain === undefined) throw this.#misfit(named, type, 'only IS NULL can be asked of it');
    return domain;
  }

  #fit(named: Named, type: DataType, domain: Domain, value: Literal): Literal {
    const isNumber = typeof value === 'number' || typeof value === 'bigint';
    const base = valueTypeOf(type);
    if (DataType.isDate(base) || DataType.isTimestamp(base)) {
      const moment = typeof value === 'string' ? momentOf(value) : undefined;
      if (moment === undefined) {
        throw this.#misfit(
          named,
          type,
          "compare it with a date or time such as '2026-01-31' or '2026-01-31T12:00:00Z'",
        );
      }
      return stored(moment, base);
    }
    if (domain === 'text' && typeof value === 'string') return value;
    if (domain === 'boolean' && typeof value === 'boolean') return value;
    if ((domain === 'number' || domain === 'float') && isNumber) {
      if (DataType.isDecimal(base)) return scaled(value, base.scale);
      return DataType.isFloat(base) ? rounded(value, base.precision) : value;
    }
    const wanted = { text: "text in '…'", boolean: 'TRUE or FALSE', number: 'a number', float: 'a number' }[
      domain
    ];
    throw this.#misfit(named, type, `compare it with ${wanted}, not with ${shown(value)}`);
  }

  #misfit({ column, at }: Named, type: DataType, why: string): UsageError {
    return fault(this.#source, at, `column ${JSON.stringify(column)} is of type ${type}: ${why}; found`);
  }
}

type Named = { readonly column: string; readonly at: number };

/** What a dictionary holds, or the type itself. */
function valueTypeOf(type: DataType): DataType {
  return DataType.isDictionary(type) ? type.dictionary : type;
}

function domainOf(type: DataType): Domain | undefined {
  const base = valueTypeOf(type);
  if (DataType.isBool(base)) return 'boolean';
  if (DataType.isFloat(base)) return 'float';
  if (DataType.isInt(base) || DataType.isDecimal(base) || DataType.isDate(base) || DataType.isTimestamp(base))
    return 'number';
  if (DataType.isUtf8(base) || DataType.isLargeUtf8(base) || DataType.isUtf8View(base)) return 'text';
  return undefined;
}

/** A moment, as exactly as it is written. */
interface Moment {
  /** Of its second, from 1970. */
  readonly millis: number;
  /** Behind that. */
  readonly nanos: number;
}

const MOMENT = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?$/;

/** ISO 8601; without a zone it is UTC, whatever the machine's is. Digits behind those of nanoseconds are cut off. */
function momentOf(text: string): Moment | undefined {
  const match = MOMENT.exec(text);
  if (match === null) return undefined;
  const [, date = '', minute = '00:00', second = '00', fraction = '', zone = 'Z'] = match;
  const millis = Date.parse(`${date}T${minute}:${second}${zone}`);
  // The 30th of February is read as the 2nd of March.
  const isDay = new Date(date).getUTCDate() === Number(date.slice(-2));
  if (!Number.isFinite(millis) || !isDay) return undefined;
  return { millis, nanos: Number(fraction.slice(1, 10).padEnd(9, '0')) };
}

/** As a column of this type stores it; finer than its unit, a number between two of its values. */
function stored({ millis, nanos }: Moment, type: DataType): Literal {
  if (DataType.isDate(type)) {
    const exactly = millis + nanos / 1e6;
    return type.unit === DateUnit.DAY ? exactly / 86_400_000 : exactly;
  }
  const unit = DataType.isTimestamp(type) ? type.unit : TimeUnit.MILLISECOND;
  if (unit === TimeUnit.SECOND) return millis / 1000 + nanos / 1e9;
  if (unit === TimeUnit.MILLISECOND) return millis + nanos / 1e6;
  if (unit === TimeUnit.NANOSECOND) return BigInt(millis) * 1_000_000n + BigInt(nanos);
  return nanos % 1000 === 0 ? BigInt(millis) * 1000n + BigInt(nanos / 1000) : millis * 1000 + nanos / 1000;
}

/** A decimal is stored as a whole number of its smallest unit. */
function scaled(value: number | bigint, scale: number): Literal {
  if (typeof value === 'bigint') return value * 10n ** BigInt(scale);
  // Through its digits, which a product would round; the smallest and the largest have an exponent of their own.
  const [digits, exponent = '0'] = String(value).split('e');
  return Number(`${digits}e${Number(exponent) + scale}`);
}

/** To what the column can hold, as SQL does: 0.1 is equal to the float32 that is next to it. */
function rounded(value: number | bigint, precision: Precision): number {
  if (precision === Precision.HALF) return halfToNumber(numberToHalf(Number(value)));
  return precision === Precision.SINGLE ? Math.fround(Number(value)) : Number(value);
}

const shown = (value: Literal): string =>
  typeof value === 'string' ? `'${value}'` : String(value).toUpperCase();
