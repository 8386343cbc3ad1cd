/** A number as people read it, and by how much it may be off, since it was rounded. */
export interface ReadNumber {
  readonly value: number;
  readonly tolerance: number;
}

/** What a unit stands for in the report. */
const UNITS: Readonly<Record<string, number>> = {
  '%': 0.01,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/** `44.2 MB/s` and `1 min 05 s` as numbers again, in the units of the report; any other unit is taken for its own. */
export function readNumber(text: string): ReadNumber {
  const pieces = [...text.matchAll(/([+−]?[\d.,]+)\s?([^\d\s.,+−]*)/g)];
  const minutes = /^(\d+) (min|h) (\d\d) (s|min)$/.exec(text);
  if (minutes !== null) {
    const [, large, unit, small] = minutes;
    const factor = unit === 'h' ? 3600 : 60;
    return { value: Number(large) * factor + (Number(small) * factor) / 60, tolerance: factor / 120 };
  }
  const [piece] = pieces;
  if (piece === undefined || pieces.length > 1) throw new Error(`no number: ${text}`);
  const [, digits = '', unit = ''] = piece;
  const scale = UNITS[unit.replace(/\/s$/, '')] ?? 1;
  const plain = digits.replaceAll(',', '').replace('−', '-');
  const decimals = plain.split('.')[1]?.length ?? 0;
  // A hair more than half of the last digit: halves may be rounded either way.
  return { value: Number(plain) * scale, tolerance: 0.50001 * 10 ** -decimals * scale };
}
