import * as arrow from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { Collator } from '../../src/produce/collate.js';
import { TEXT_HEAD_BYTES } from '../../src/ring/layout.js';
import { claimOf, faultOf, input, ringOf } from './ring.js';

const MOST = 4;

/** Rows whose texts are values of a dictionary, one of which is null itself. */
function withNullWord(): arrow.RecordBatch {
  const words = arrow.vectorFromArray(['ab', null], new arrow.Utf8());
  const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8());
  const c = arrow.makeData({ type, data: Int8Array.of(0, 1, 0), dictionary: words });
  return new arrow.RecordBatch({ c });
}

function collatorOf(fill?: number) {
  const size = TEXT_HEAD_BYTES + MOST;
  const ring = ringOf(3, 1, [{ name: 't', dtype: 'uint8', rowDims: [size], text: MOST }]);
  const collator = new Collator(ring, [input(0, 'c', 'uint8', { from: 'text', fill })]);
  const texts = (): string[] =>
    [0, 1, 2].map((row) => {
      const bytes = Buffer.from(ring.memory.arena, row * size, size);
      return bytes.toString('utf8', TEXT_HEAD_BYTES, TEXT_HEAD_BYTES + bytes.readUInt32LE());
    });
  return { collator, texts };
}

describe('a row whose text is a value of a dictionary that is null', () => {
  test('is null, and named where a null is an error', () => {
    const { collator } = collatorOf();
    expect(faultOf(() => collator.begin(withNullWord()))).toEqual({
      row: 1,
      column: 'c',
      message: 'is null, and a tensor has no place for nulls',
    });
  });

  test('is an empty text where nulls are', () => {
    const { collator, texts } = collatorOf(0);
    collator.begin(withNullWord());
    collator.write(claimOf(0, 0, 3), 0);
    expect(texts()).toEqual(['ab', '', 'ab']);
  });
});
