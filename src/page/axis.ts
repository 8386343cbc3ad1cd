import { stopwatch } from '../util/figures.js';
import { roundUp } from './scale.js';

export { compact, roundUp } from './scale.js';

/** A mark on an axis: where, as a share of its length, and what it says. */
export interface Tick {
  readonly at: number;
  readonly text: string;
}

/** Steps of time that people count in, seconds, from 15 s on. */
const TIME_STEPS = [15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400];
const COARSE_STEPS = [1, 2, 5, 10];
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
