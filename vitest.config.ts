import { defineConfig } from 'vitest/config';

// Two ways to import what is tested:
// - `../../src/ring/layout.js` (vitest finds the .ts): functions and classes of one room, without threads, from
//   source, so that an error points into it.
// - `penstock`: everything that starts threads, whole jobs, the public face. It is this package by its own name,
//   through the exports of package.json, so it is the built dist that users get: a thread is started from a file on
//   disk, which must be JavaScript. `npm test` builds first; `npx vitest` alone takes the dist that is there.
// Never both in one test: src and dist are two copies, and `instanceof` across them is false.
export default defineConfig({
  test: {
    // Processes, since the library starts threads of its own and a crash of a native addon ends the process.
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    server: {
      // dist is loaded by Node itself, as users' programs do, not rewritten by vite.
      deps: { external: [/\/dist\//] },
    },
    coverage: {
      // `npm run coverage` alone: scripts/coverage.mjs.
      provider: 'custom',
      customProviderModule: 'scripts/coverage/provider.mjs',
      include: ['src/**/*.ts', 'dist/**/*.js'],
      // What runs in browsers is made into pages, and threads run modules.
      exclude: ['**/page/client/**', '**/dist/threads/**', '**/*.d.ts', '**/test/**'],
      reportOnFailure: true,
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['test/**/*.test.ts'],
          exclude: ['test/stalls/**', 'test/faults/**'],
          // A pipeline under test keeps several threads busy; more files at once would measure each other.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // Beside the others; its counts are printed at the end.
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          globalSetup: ['test/faults/counts.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // They look at where time goes: nothing else may run beside them.
          name: 'stalls',
          include: ['test/stalls/**/*.test.ts'],
          maxWorkers: 1,
          // A machine may have something else to do at the wrong moment; what is wrong is wrong three times.
          retry: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
