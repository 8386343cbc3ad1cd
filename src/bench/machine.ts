import { availableParallelism, cpus } from 'node:os';
import { availableMemory } from '../util/memory.js';
import type { BenchReport } from './types.js';

/** What figures are measured on. */
export function machine(): BenchReport['machine'] {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: availableMemory(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}
