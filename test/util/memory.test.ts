import { totalmem } from 'node:os';
import { expect, test, vi } from 'vitest';
import { availableMemory } from '../../src/util/memory.js';

test.each([
  ["the cgroup's limit where that is lower than the machine's memory", 64 * 2 ** 20, 64 * 2 ** 20],
  ["the machine's memory where there is no limit", 0, totalmem()],
  ["the machine's memory where the limit is higher (cgroup's way of saying none)", 2 ** 63, totalmem()],
])('available memory is %s', (_, limit, expected) => {
  const constrained = vi.spyOn(process, 'constrainedMemory').mockReturnValue(limit);
  expect(availableMemory()).toBe(expected);
  constrained.mockRestore();
});
