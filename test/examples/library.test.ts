import { expect, test, vi } from 'vitest';

test('the library example runs its job and reads the digits right', async () => {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  vi.spyOn(console, 'error').mockImplementation(() => {});
  try {
    await import('../../examples/library.js');
  } finally {
    vi.restoreAllMocks();
  }
  expect(lines[0]).toMatch(/^2000 rows in \d+\.\d\d s; limited by: \w+$/);
  const [, accuracy] = /^accuracy: (\d+\.\d\d) %$/.exec(lines[1] ?? '') ?? [];
  expect(Number(accuracy)).toBeGreaterThan(97.5);
});
