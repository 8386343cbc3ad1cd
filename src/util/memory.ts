import { totalmem } from 'node:os';

/** Bytes that this process may use: the machine's memory, or the cgroup's limit where that is lower. */
export function availableMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
