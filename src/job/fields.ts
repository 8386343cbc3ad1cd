import { z } from 'zod';
import { isRemote } from '../storage/uri.js';
import { faultOfLocation } from './location.js';
import { show } from './wording.js';

// The building blocks of the schema. A field's zod message is not a sentence but the phrase that follows
// «expected»; faults.ts makes the sentence. A rule over a field's value is a phrase that follows its key.

/** Text of at least one character. */
export function text(expected = 'text') {
  return z.string(expected).min(1, expected);
}

/** A path or a URL. */
export function location(expected: string) {
  return text(expected).superRefine((value, context) => {
    const message = faultOfLocation(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}

/** A path on this machine. */
export function localPath(expected: string) {
  return location(expected).refine((value) => !isRemote(value), {
    error: 'is remote, and must be a path on this machine',
  });
}

export function wholeNumber(min: number, max?: number, prefix = '') {
  const expected =
    prefix + (max === undefined ? `a whole number, ${min} or more` : `a whole number from ${min} to ${max}`);
  const atLeast = z.int(expected).min(min, expected);
  return max === undefined ? atLeast : atLeast.max(max, expected);
}

export function autoOrWholeNumber(min = 1, max?: number) {
  const prefix = 'auto or ';
  const number = wholeNumber(min, max, prefix);
  const range = max === undefined ? `a whole number, ${min} or more` : `a whole number from ${min} to ${max}`;
  return z.union([z.literal('auto'), number], { error: prefix + range });
}

export function finiteNumber() {
  return z.number('a number');
}

/** One number for all channels, or a list with one for each. */
export function perChannel<T extends z.ZodType<number>>(value: T) {
  const error = 'a number, or a list of one for each channel';
  return z.union([value, z.array(value).min(1, error)], {
    // A rule that a number breaks says more than that no form fits.
    error: (issue) => {
      const broken =
        issue.code === 'invalid_union'
          ? issue.errors.flat().find(({ code }) => code === 'custom')
          : undefined;
      return broken?.message ?? error;
    },
  });
}

export function nonNegative(expected: string) {
  return z.number(expected).min(0, expected);
}

/** A list in which nothing comes twice. */
export function distinct<T extends z.ZodType<string | number>>(item: T, expected: string) {
  return z
    .array(item, expected)
    .superRefine((items, context) => {
      for (const [index, value] of items.entries()) {
        if (items.indexOf(value) === index) continue;
        context.addIssue({ code: 'custom', path: [index], message: `repeats ${show(value)}` });
      }
    })
    .meta({ uniqueItems: true });
}

/** A mapping whose keys the user chooses. */
export function named<T extends z.ZodType>(value: T, expected = 'a mapping') {
  return z.record(z.string().min(1), value, expected);
}
