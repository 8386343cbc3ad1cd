// Also served to browsers, by itself: it may import nothing.

const STEPS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/** The smallest of some round numbers times a power of ten that is not less than `value`; 1 for nothing. */
export function roundUp(value: number, steps: readonly number[] = STEPS): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  // A hair less than what is asked for is as good.
  const step = steps.find((candidate) => candidate * power >= value * (1 - 1e-9)) ?? 10;
  return step * power;
}

const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

/** `950`, `12.5K`, `1.2M`: for axes, where there is little room. */
export function compact(value: number): string {
  return COMPACT.format(value);
}
