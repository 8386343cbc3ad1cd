import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'vitest';
import { compileLibrary } from '../../helpers/compile.js';

const SOURCE = fileURLToPath(new URL('cuda-stub.c', import.meta.url));

/** Compiles the stub of CUDA's driver; skips the test where there is no compiler. */
export function compileCudaStub(context: TestContext, library: string): string {
  return compileLibrary(context, SOURCE, library, '-pthread');
}

export interface Call {
  readonly name: string;
  readonly address: number;
  readonly bytes: number;
  readonly flags: number;
}

/** What the stub was asked, in its order. */
export function callsIn(log: string): Call[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', ...numbers] = line.split(' ');
      const [address = 0, bytes = 0, flags = 0] = numbers.map(Number);
      return { name, address, bytes, flags };
    });
}

/** Ranges that were registered and not unregistered. */
export function stillRegistered(calls: readonly Call[]): number[] {
  const held = new Set<number>();
  for (const { name, address } of calls) {
    if (name === 'register') held.add(address);
    if (name === 'unregister') held.delete(address);
  }
  return [...held];
}
