import { test } from 'vitest';
import { killShards, LIMIT_MS } from './shard-kills.js';

test.each(['a local directory', 'an object server'] as const)(
  'shards of a job that run side by side, each killed at random points and run again, leave in %s what an undisturbed whole run does',
  (place) => killShards(place),
  LIMIT_MS,
);
