import { test } from 'vitest';
import { killAndResume, LIMIT_MS } from './kills.js';

// Two files, so that both run side by side.
test(
  'a job on a trained model, batches in fixed order, killed at random points, is gone on with and ends as an undisturbed one',
  () => killAndResume('digits'),
  LIMIT_MS,
);
