import { test } from 'vitest';
import { killAndResume, LIMIT_MS } from './kills.js';

// Two files, so that both run side by side.
test(
  'a job on a simulated device, killed at random points, is gone on with and ends as an undisturbed one',
  () => killAndResume('simulated'),
  LIMIT_MS,
);
