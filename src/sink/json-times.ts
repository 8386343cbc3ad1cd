import { type Data, type DataType, IntervalUnit } from 'apache-arrow';

// Decimals, dates, times and spans of time as JSON text: ISO 8601, with all digits that their type has.

type Render = (row: number) => string;
type Words = BigInt64Array;

/** Digits behind the second by Arrow's TimeUnit: seconds, milliseconds, microseconds, nanoseconds. */
const DIGITS = [0, 3, 6, 9] as const;
const DAY_SECONDS = 86_400n;
/** What a Date can hold, in days from 1970. */
const MOST_DAYS = 100_000_000n;

const unitOf = (type: DataType): number => DIGITS[(type as DataType & { unit: 0 | 1 | 2 | 3 }).unit];

/** Rounds down, as % does not. */
function divide(value: bigint, by: bigint): { readonly whole: bigint; readonly rest: bigint } {
  const rest = ((value % by) + by) % by;
  return { whole: (value - rest) / by, rest };
}

const fraction = (rest: bigint, digits: number): string =>
  digits === 0 ? '' : `.${String(rest).padStart(digits, '0')}`;

/** `2026-01-31`; undefined beyond what calendars know. */
function day(days: bigint): string | undefined {
  if (days > MOST_DAYS || days < -MOST_DAYS) return undefined;
  const text = new Date(Number(days) * 86_400_000).toISOString();
  return text.slice(0, text.indexOf('T'));
}

function clock(seconds: bigint): string {
  const parts = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** With `Z` where the type says that it is an instant, without where it is the time of some place. */
export function timestampText({ type, values }: Data): Render {
  const digits = unitOf(type);
  const perSecond = 10n ** BigInt(digits);
  const zone = (type as DataType & { timezone: string | null }).timezone ? 'Z' : '';
  return (row) => {
    const value = (values as Words)[row] as bigint;
    const { whole: seconds, rest } = divide(value, perSecond);
    const { whole: days, rest: second } = divide(seconds, DAY_SECONDS);
    const date = day(days);
    return `"${date === undefined ? value : `${date}T${clock(second)}${fraction(rest, digits)}${zone}`}"`;
  };
}

/** Days, or milliseconds, which should be whole days; beyond what calendars know, as the number that is stored. */
export function dateText({ values }: Data): Render {
  if (values instanceof Int32Array) {
    return (row) => {
      const days = values[row] as number;
      return `"${day(BigInt(days)) ?? days}"`;
    };
  }
  return (row) => {
    const time = (values as Words)[row] as bigint;
    const { whole: days, rest } = divide(time, DAY_SECONDS * 1000n);
    const date = day(days);
    const late = rest === 0n ? '' : `T${clock(rest / 1000n)}${fraction(rest % 1000n, 3)}`;
    return `"${date === undefined ? time : date + late}"`;
  };
}

export function timeText({ type, values }: Data): Render {
  const digits = unitOf(type);
  const perSecond = 10n ** BigInt(digits);
  return (row) => {
    const { whole: seconds, rest } = divide(BigInt(values[row] as number | bigint), perSecond);
    return `"${clock(seconds)}${fraction(rest, digits)}"`;
  };
}

/** `1.5S`, `-0.000001S`. */
function secondsText(value: bigint, digits: number): string {
  const perSecond = 10n ** BigInt(digits);
  const size = value < 0n ? -value : value;
  const rest = fraction(size % perSecond, digits).replace(/\.?0+$/, '');
  return `${value < 0n ? '-' : ''}${size / perSecond}${rest}S`;
}

/** `PT1.5S` */
export function durationText({ type, values }: Data): Render {
  const digits = unitOf(type);
  return (row) => `"PT${secondsText((values as Words)[row] as bigint, digits)}"`;
}

/** `P1M2DT3.5S`: months, days and seconds, of which none is made of another. */
export function intervalText({ type, values }: Data): Render {
  const at = (i: number): number => (values as Int32Array)[i] as number;
  switch ((type as DataType & { unit: IntervalUnit }).unit) {
    case IntervalUnit.YEAR_MONTH:
      return (row) => `"P${at(row)}M"`;
    case IntervalUnit.DAY_TIME:
      return (row) => `"P${at(2 * row)}DT${secondsText(BigInt(at(2 * row + 1)), 3)}"`;
    default:
      return (row) => {
        const nanos = (BigInt(at(4 * row + 3)) << 32n) | BigInt(at(4 * row + 2) >>> 0);
        return `"P${at(4 * row)}M${at(4 * row + 1)}DT${secondsText(nanos, 9)}"`;
      };
  }
}

/** All digits, as text: `"-12.30"`. */
export function decimalText({ type, values }: Data): Render {
  const { scale, bitWidth } = type as DataType & { scale: number; bitWidth: number };
  const words = bitWidth / 32;
  return (row) => {
    let value = 0n;
    for (let i = words - 1; i >= 0; i--)
      value = (value << 32n) | BigInt((values as Uint32Array)[row * words + i] as number);
    value = BigInt.asIntN(bitWidth, value);
    const sign = value < 0n ? '-' : '';
    const digits = String(value < 0n ? -value : value);
    if (scale <= 0) return `"${sign}${digits}${value === 0n ? '' : '0'.repeat(-scale)}"`;
    const padded = digits.padStart(scale + 1, '0');
    return `"${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}"`;
  };
}
