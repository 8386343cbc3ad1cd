import { expect, test } from 'vitest';
import type * as toldFigures from '../../src/page/client/live/figures.js';
import type * as toldScale from '../../src/page/client/live/scale.js';
import * as scale from '../../src/page/scale.js';
import * as figures from '../../src/util/figures.js';

test('modules that the live page shares with the rest are what its own project is told of them', () => {
  // It can't see them, and declares them beside its own: `npm run types` compares the two here.
  const told: readonly [typeof toldFigures, typeof toldScale] = [figures, scale];
  expect(told).toEqual([figures, scale]);
});
