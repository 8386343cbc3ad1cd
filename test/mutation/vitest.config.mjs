import { defineConfig } from 'vitest/config';

// The tests that drive src/ring and src/measure in the thread that they run in: there a mutant can be switched on.
// Tests that start threads run dist, which has no mutants in it: see README.md.
export default defineConfig({
  test: {
    include: ['test/ring/*.test.ts', 'test/measure/**/*.test.ts'],
    exclude: ['test/ring/stress.test.ts', 'test/measure/gpu/{nvml,sampler}.test.ts'],
    // A mutant that has a test wait for ever is found sooner than by ending its process.
    testTimeout: 5_000,
  },
});
