import { round } from '../measure/report.js';
import type { Rate } from './types.js';

/** Runs' rates as one. */
export function rateOf(runs: readonly number[]): Rate {
  const rounded = runs.map(short);
  return {
    median: short(median(rounded)),
    min: Math.min(...rounded),
    max: Math.max(...rounded),
    runs: rounded,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1] ?? 0, sorted[Math.floor(middle)] ?? 0];
  return (low + high) / 2;
}

/** The value below which the share `quantile` of the values lies; 0 where there is none. */
export function quantileOf(values: readonly number[], quantile: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)] ?? 0;
}

/** How far runs lie apart, as a share of their median. */
export function spreadOf({ median: middle, min, max }: Rate): number {
  return middle > 0 ? (max - min) / middle : 0;
}

function short(rate: number): number {
  return round(rate, rate < 100 ? 4 : 1);
}
