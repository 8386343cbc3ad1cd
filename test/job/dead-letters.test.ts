import { expect, test } from 'vitest';
import { DeadLetters } from '../../src/job/dead-letters.js';
import type { DeadLetter } from '../../src/produce/bad-rows.js';
import type { OutputStore } from '../../src/storage/output-types.js';

const letter = (split: number): DeadLetter => ({
  file: 'a.arrow',
  split,
  row: 0,
  column: 'x',
  reason: 'is missing',
  values: {},
});

test('where there are too many bad rows, all that can be written are, and the error is that there were too many', async () => {
  const written: string[] = [];
  const store: Pick<OutputStore, 'uri' | 'write'> = {
    uri: '/out',
    write: async (name) => {
      if (name.includes('00000.')) throw new Error('no space left on device');
      written.push(name);
    },
  };
  const letters = new DeadLetters(1, [], store as OutputStore);
  expect(letters.add({ ordinal: 0, letters: [letter(0)] })).toBeUndefined();
  expect(letters.add({ ordinal: 1, letters: [letter(1)] })?.code).toBe('DATA');
  await letters.leave();
  expect(written).toEqual([expect.stringContaining('00001.')]);
});
