import { stopwatch } from '../util/figures.js';

/** A mark on an axis: where, as a share of its length, and what it says. */
export interface Tick {
  readonly at: number;
  readonly text: string;
}

const STEPS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
const COARSE_STEPS = [1, 2, 5, 10];

/** The smallest of some round numbers times a power of ten that is not less than `value`; 1 for nothing. */
export function roundUp(value: number, steps: readonly number[] = STEPS): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  // A hair less than what is asked for is as good.
  const step = steps.find((candidate) => candidate * power >= value * (1 - 1e-9)) ?? 10;
  return step * power;
}

/** Steps of time that people count in, seconds, from 15 s on. */
const TIME_STEPS = [15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400];
const MOST_TICKS = 8;

/** Marks of an axis of time from 0 to `seconds`, at most eight. */
export function timeTicks(seconds: number): Tick[] {
  const wanted = seconds / (MOST_TICKS - 1);
  const fine = roundUp(wanted, COARSE_STEPS);
  const step = fine <= 10 ? fine : (TIME_STEPS.find((candidate) => candidate >= wanted) ?? fine);
  const count = Math.floor(seconds / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => {
    const at = i * step;
    return { at: at / seconds, text: seconds < 60 ? `${Math.round(at * 1e6) / 1e6} s` : stopwatch(at) };
  });
}

const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

/** `950`, `12.5K`, `1.2M`: for axes, where there is little room. */
export function compact(value: number): string {
  return COMPACT.format(value);
}
