/*
 * IEEE 754 binary16. Node 20 has no Float16Array, so halves travel as their 16 bits.
 *
 * A half is found from the bits of a float32, whose fraction has 13 bits more: those are rounded away, to nearest, ties to
 * even. Where the float32 itself was rounded (from a float64) the result could be rounded twice; so that one is rounded
 * to odd first, which keeps a trace of what was cut off. Source: Boldo and Melquiond, «When double rounding is odd», 2005.
 */

const single = new Float32Array(1);
const bits = new Int32Array(single.buffer);

/** 2^-14, the least normal half, as a float32; 2^16, where infinity begins at the latest. */
const LEAST_NORMAL = 0x38800000;
const TOO_LARGE = 0x47800000;
const INFINITY_BITS = 0x7f800000;
/** 2^-25: half of the least half there is. Up to here all is 0. */
const NOTHING = 0x33000000;
/** What the exponent of a float32 is larger than that of the same half, in place. */
const REBIAS = 0x38000000;

/** Number → half. */
export function numberToHalf(value: number): number {
  single[0] = value;
  let magnitude = (bits[0] as number) & 0x7fffffff;
  const sign = ((bits[0] as number) >>> 16) & 0x8000;
  const rounded = single[0] as number;
  if (rounded !== value) {
    if (Number.isNaN(value)) return 0x7e00;
    if (Math.abs(rounded) > Math.abs(value)) magnitude--;
    magnitude |= 1;
  }
  if (magnitude >= TOO_LARGE) return sign | (magnitude > INFINITY_BITS ? 0x7e00 : 0x7c00);
  if (magnitude <= NOTHING) return sign;
  // A carry out of the fraction goes into the exponent, as it should; out of the largest half, to infinity.
  if (magnitude >= LEAST_NORMAL) return sign | roundOff(magnitude - REBIAS, 13);
  // Subnormal: the fraction, with its leading 1, in units of 2^-24.
  return sign | roundOff((magnitude & 0x7fffff) | 0x800000, 126 - (magnitude >>> 23));
}

/** Cuts `count` bits off, to nearest, ties to even. */
function roundOff(value: number, count: number): number {
  const kept = value >>> count;
  const middle = 1 << (count - 1);
  const rest = value & ((middle << 1) - 1);
  return rest > middle || (rest === middle && (kept & 1) === 1) ? kept + 1 : kept;
}

let table: Float32Array | undefined;

/** The numbers that all 65536 halves stand for: float32 holds them all. Made on first use. */
export function halfTable(): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, half) => decode(half));
  return table;
}

/** Half → number. */
export function halfToNumber(half: number): number {
  return halfTable()[half] as number;
}

function decode(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
