// Paths are relative to the root of the repository, which `npm run test:mutation` runs this in.

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [
    'src/ring/*.ts',
    'src/measure/**/*.ts',
    // What runs in a thread only, what starts that thread from dist, and what is tested by the environment of a process.
    '!src/measure/gpu/{thread,probe,sampler,nvml}.ts',
  ],
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner', './test/mutation/ignore-messages.mjs'],
  vitest: { configFile: 'test/mutation/vitest.config.mjs', related: false },
  coverageAnalysis: 'perTest',
  // Tables of constants: all tests would have to run for each, and most that is wrong in them does not even load.
  ignoreStatic: true,
  ignorers: ['error-messages'],
  // Of the repository only what these tests touch is copied.
  ignorePatterns: [
    '**',
    '!package.json',
    '!tsconfig.json',
    '!src/**',
    '!test/helpers/**',
    '!test/ring/**',
    '!test/measure/**',
    '!test/mutation/vitest.config.mjs',
  ],
  tempDirName: 'tmp/stryker',
  incremental: true,
  incrementalFile: 'tmp/mutation/incremental.json',
  reporters: ['clear-text', 'progress-append-only', 'html', 'json'],
  htmlReporter: { fileName: 'tmp/mutation/report.html' },
  jsonReporter: { fileName: 'tmp/mutation/report.json' },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 90, low: 80, break: 80 },
  concurrency: 1,
  // Whatever a test waits for is at hand: it is over in milliseconds, and a test that a mutant has wait fails by itself.
  timeoutMS: 4000,
  allowEmpty: true,
};
