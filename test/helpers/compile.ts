import { spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';

/** Compiles a shared library; skips the test where there is no compiler. Returns its path. */
export function compileLibrary(
  context: TestContext,
  source: string,
  library: string,
  ...flags: readonly string[]
): string {
  const gcc = process.env.PENSTOCK_TEST_GCC;
  context.skip(!gcc, 'no gcc');
  context.skip(process.platform === 'win32', 'the stub is for systems with POSIX');
  const { status, stderr } = spawnSync(
    gcc as string,
    ['-shared', '-fPIC', '-Wall', '-Werror', ...flags, '-o', library, source],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`gcc failed: ${stderr}`);
  return library;
}
