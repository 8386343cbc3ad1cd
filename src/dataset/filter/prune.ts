import type { ColumnRange } from '../types.js';
import type { Comparison, Literal } from './ast.js';
import type { Predicate } from './bind.js';
import { FALSE, TRUE, UNKNOWN } from './evaluate.js';
import { likePrefix } from './like.js';

/** Which truths a filter may have among some rows: a set of the three, as bits. */
type Truths = number;
const bit = (truth: number): Truths => 1 << truth;
const ANY = bit(FALSE) | bit(UNKNOWN) | bit(TRUE);

/** Whether a filter may be true for a row, given what is known of the columns; true where too little is. */
export function mayMatch(
  predicate: Predicate,
  rangeOf: (column: string) => ColumnRange | undefined,
): boolean {
  return (truthsOf(predicate, rangeOf) & bit(TRUE)) !== 0;
}

function truthsOf(predicate: Predicate, rangeOf: (column: string) => ColumnRange | undefined): Truths {
  switch (predicate.kind) {
    case 'and':
      return combine(truthsOf(predicate.left, rangeOf), truthsOf(predicate.right, rangeOf), Math.min);
    case 'or':
      return combine(truthsOf(predicate.left, rangeOf), truthsOf(predicate.right, rangeOf), Math.max);
    case 'not':
      return combine(truthsOf(predicate.operand, rangeOf), bit(TRUE), (truth, top) => top - truth);
    default: {
      const range = rangeOf(predicate.column);
      return range === undefined ? ANY : leafTruths(predicate, range);
    }
  }
}

function combine(left: Truths, right: Truths, both: (a: number, b: number) => number): Truths {
  let truths = 0;
  for (let a = FALSE; a <= TRUE; a++)
    for (let b = FALSE; b <= TRUE; b++) if (left & bit(a) && right & bit(b)) truths |= bit(both(a, b));
  return truths;
}

type LeafPredicate = Exclude<Predicate, { kind: 'and' | 'or' | 'not' }>;

function leafTruths(predicate: LeafPredicate, range: ColumnRange): Truths {
  const { nulls, rows } = range;
  if (predicate.kind === 'isNull') {
    if (nulls === undefined) return bit(FALSE) | bit(TRUE);
    return (nulls > 0 ? bit(TRUE) : 0) | (nulls < rows ? bit(FALSE) : 0);
  }
  if (nulls !== undefined && nulls >= rows) return bit(UNKNOWN);
  const ofNulls = nulls === 0 ? 0 : bit(UNKNOWN);
  const ofTrue = mayBeTrue(predicate, range) ? bit(TRUE) : 0;
  return ofNulls | ofTrue | (mayBeFalse(predicate, range) ? bit(FALSE) : 0);
}

const OPPOSITE: Readonly<Record<Comparison, Comparison>> = {
  '=': '<>',
  '<>': '=',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
};

type ValuePredicate = Exclude<LeafPredicate, { kind: 'isNull' }>;

/** Of floats it is never ruled out: NaN is in no bounds. */
function mayBeFalse(predicate: ValuePredicate, range: ColumnRange): boolean {
  if (predicate.kind !== 'compare' || predicate.domain === 'float') return true;
  return mayBeTrue({ ...predicate, op: OPPOSITE[predicate.op] }, range);
}

function mayBeTrue(predicate: ValuePredicate, { min, max }: ColumnRange): boolean {
  if (min === undefined || max === undefined) return true;
  if (predicate.kind === 'like') {
    const prefix = Buffer.from(likePrefix(predicate.pattern));
    if (!(min instanceof Uint8Array && max instanceof Uint8Array)) return true;
    return Buffer.compare(min.subarray(0, prefix.length), prefix) <= 0 && Buffer.compare(max, prefix) >= 0;
  }
  const { domain } = predicate;
  const compare = (bound: unknown, value: Literal): number | undefined =>
    domain === 'text' ? compareText(bound, value) : compareValues(bound, value);
  const within = (op: Comparison, value: Literal): boolean => {
    const low = compare(min, value);
    const high = compare(max, value);
    if (low === undefined || high === undefined) return true;
    switch (op) {
      case '=':
        return low <= 0 && high >= 0;
      case '<>':
        return domain === 'float' || !(low === 0 && high === 0);
      case '<':
        return low < 0;
      case '<=':
        return low <= 0;
      case '>':
        return high > 0;
      case '>=':
        return high >= 0;
    }
  };
  if (predicate.kind === 'in') return predicate.values.some((value) => within('=', value));
  return within(predicate.op, predicate.value);
}

function compareText(bound: unknown, value: Literal): number | undefined {
  return bound instanceof Uint8Array && typeof value === 'string'
    ? Buffer.compare(bound, Buffer.from(value))
    : undefined;
}

/** Undefined where they can't be compared, as with NaN. */
function compareValues(bound: unknown, value: Literal): number | undefined {
  if (typeof bound !== 'number' && typeof bound !== 'bigint' && typeof bound !== 'boolean') return undefined;
  if (bound < value) return -1;
  if (bound > value) return 1;
  return bound >= value ? 0 : undefined;
}
