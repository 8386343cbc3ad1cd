import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'vitest';

const SOURCE = fileURLToPath(new URL('nvml-stub.c', import.meta.url));

/** Compiles the stub of NVML; skips the test where there is no compiler. */
export function compileStub(context: TestContext, library: string, ...flags: readonly string[]): string {
  const gcc = process.env.PENSTOCK_TEST_GCC;
  context.skip(!gcc, 'no gcc');
  context.skip(process.platform === 'win32', 'the stub is for systems with POSIX');
  const { status, stderr } = spawnSync(
    gcc as string,
    ['-shared', '-fPIC', '-Wall', '-Werror', ...flags, '-o', library, SOURCE],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`gcc failed: ${stderr}`);
  return library;
}
