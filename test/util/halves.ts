/** IEEE 754 binary16 by its definition: the numbers that all of the 65536 bit patterns stand for. */
export const HALVES = Float64Array.from({ length: 65536 }, (_, bits) => {
  const sign = bits >= 32768 ? -1 : 1;
  const exponent = Math.floor((bits % 32768) / 1024);
  const fraction = bits % 1024;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0
    ? sign * 2 ** -14 * (fraction / 1024)
    : sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
});
