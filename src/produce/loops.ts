import { arrayOf, type DType, type TypedArray } from '../util/dtype.js';
import { type Convert, compile, converter, isBig, isFloat, numberText, storeText } from './convert.js';

/** A number for each channel: `value × factor + term`. */
export interface Channels {
  readonly factors: readonly number[];
  readonly terms: readonly number[];
  /** Elements of one channel that lie together: 1 where channels are the last dimension. */
  readonly inner: number;
}

/** What becomes of the elements of a row, beside being cast. */
export interface ElementRules {
  readonly source: DType;
  readonly factor: number;
  readonly term: number;
  readonly channels?: Channels | undefined;
  /** Which element of the column's row each element of the tensor's row is. */
  readonly order?: readonly number[] | undefined;
  /** One element becomes as many: 1 at the place that it tells, 0 elsewhere. */
  readonly classes?: number | undefined;
}

/** The loop for an input: all of them have one form, whatever they do. Rows are whole: `count` is a multiple of theirs. */
export function loopFor(rules: ElementRules, target: DType): Convert {
  const { source, factor, term, channels, order, classes } = rules;
  if (classes !== undefined) return oneHot(source, target, classes);
  const affine = factor !== 1 || term !== 0;
  const convert =
    channels === undefined ? converter(source, target, affine) : byChannel(source, target, channels);
  return order === undefined ? convert : reordered(convert, source, order);
}

/** Whether rows go into the tensor as they are. */
export function copies(rules: ElementRules, target: DType): boolean {
  const { source, factor, term, channels, order, classes } = rules;
  const plain = channels === undefined && order === undefined && classes === undefined;
  return plain && source === target && factor === 1 && term === 0;
}

type ChannelLoop = (
  source: TypedArray,
  from: number,
  target: TypedArray,
  to: number,
  count: number,
  factors: Float64Array,
  terms: Float64Array,
  inner: number,
) => number;

const channelLoops = new Map<string, ChannelLoop>();

function byChannel(source: DType, target: DType, { factors, terms, inner }: Channels): Convert {
  if (!isFloat(target)) throw new TypeError(`scaled values into ${target}`);
  const key = `${source} ${target}`;
  let loop = channelLoops.get(key);
  if (loop === undefined) {
    const store = storeText(target, `${numberText(source)} * factor + term`);
    loop =
      compile<ChannelLoop>(`return function convert(source, from, target, to, count, factors, terms, inner) {
      for (let i = 0; i < count;) {
        for (let c = 0; c < factors.length; c++) {
          const factor = factors[c], term = terms[c];
          for (const end = i + inner; i < end; i++) { ${store} }
        }
      }
      return -1;
    };`);
    channelLoops.set(key, loop);
  }
  const [byFactor, byTerm, run] = [Float64Array.from(factors), Float64Array.from(terms), loop];
  return (values, from, into, to, count) => run(values, from, into, to, count, byFactor, byTerm, inner);
}

type Gather = (source: TypedArray, from: number, target: TypedArray, order: Int32Array) => void;
const gathers = new Map<DType, Gather>();

/** Row by row into memory of its own in the tensor's order, and from there as before. */
function reordered(convert: Convert, source: DType, order: readonly number[]): Convert {
  const places = Int32Array.from(order);
  const row = new (arrayOf(source))(places.length);
  let gather = gathers.get(source);
  if (gather === undefined) {
    gather = compile<Gather>(`return function gather(source, from, target, order) {
      for (let i = 0; i < order.length; i++) target[i] = source[from + order[i]];
    };`);
    gathers.set(source, gather);
  }
  const run = gather;
  return (values, from, into, to, count, factor, term) => {
    for (let done = 0; done < count; done += places.length) {
      run(values, from + done, row, places);
      const misfit = convert(row, 0, into, to + done, places.length, factor, term);
      if (misfit >= 0) return done + (places[misfit] as number);
    }
    return -1;
  };
}

/** Elements are places among `classes`; −1 of `Convert` where all are, as for values that fit. */
function oneHot(source: DType, target: DType, classes: number): Convert {
  const one = target === 'float16' ? '0x3c00' : isBig(target) ? '1n' : '1';
  const zero = isBig(target) ? '0n' : '0';
  return compile<Convert>(`return function convert(source, from, target, to, count) {
    target.fill(${zero}, to, to + count * ${classes});
    for (let i = 0; i < count; i++) {
      const v = ${isBig(source) ? 'Number(source[from + i])' : 'source[from + i]'};
      if (!(v >= 0 && v < ${classes})) return i;
      target[to + i * ${classes} + v] = ${one};
    }
    return -1;
  };`);
}
