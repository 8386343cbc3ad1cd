import { expect, test, vi } from 'vitest';

test('the loader example reads the digits right with a session of its own', async () => {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  try {
    await import('../../examples/loader.js');
  } finally {
    vi.restoreAllMocks();
  }
  const [, rows, accuracy] = /^(\d+) digits, accuracy: (\d+\.\d\d) %$/.exec(lines.join('\n')) ?? [];
  expect(Number(rows)).toBe(2000);
  expect(Number(accuracy)).toBeGreaterThanOrEqual(97.5);
});
