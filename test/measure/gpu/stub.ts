import { fileURLToPath } from 'node:url';
import type { TestContext } from 'vitest';
import { compileLibrary } from '../../helpers/compile.js';

const SOURCE = fileURLToPath(new URL('nvml-stub.c', import.meta.url));

/** Compiles the stub of NVML; skips the test where there is no compiler. */
export function compileStub(context: TestContext, library: string, ...flags: readonly string[]): string {
  return compileLibrary(context, SOURCE, library, ...flags);
}
