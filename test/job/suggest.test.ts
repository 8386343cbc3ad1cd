import { expect, test } from 'vitest';
import { suggest, suggestElsewhere } from '../../src/job/suggest.js';

const KEYS = ['size', 'maxDelayMs', 'order', 'lengthColumn', 'buckets', 'maxTokens'];

test.each([
  ['sizes', 'size'],
  ['Size', 'size'],
  ['max-delay', 'maxDelayMs'],
  ['maxtoken', 'maxTokens'],
  ['bukets', 'buckets'],
  ['workers', undefined],
  ['x', undefined],
  ['', undefined],
])('%j suggests %j', (word, expected) => {
  expect(suggest(word, KEYS)).toBe(expected);
});

test('a key in the wrong section is found in the right one', () => {
  const keys = ['batch', 'batch.size', 'source.uri', 'sink.uri'];
  expect(suggestElsewhere('batch_size', keys)).toEqual(['batch.size']);
  expect(suggestElsewhere('uri', keys)).toEqual(['source.uri', 'sink.uri']);
  expect(suggestElsewhere('siz', keys)).toEqual([]);
});
