import { readFileSync } from 'node:fs';
import { tableFromIPC } from 'apache-arrow';
import { expect, test, vi } from 'vitest';

test('the image example decodes PNG and JPEG files into tensors that show the pixels they were made of', async () => {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  try {
    await import('../../examples/images/main.js');
  } finally {
    vi.restoreAllMocks();
  }
  const [, rows, dims, means = ''] =
    /^(\d+) images as \[(.*)\]; mean red by digit: (.*)$/.exec(lines.join('\n')) ?? [];
  expect(Number(rows)).toBe(200);
  expect(dims).toBe('3, 32, 32');
  const digits = tableFromIPC(readFileSync(new URL('../../examples/digits/digits.arrow', import.meta.url)));
  const sums = new Map<number, number[]>();
  for (let i = 0; i < 200; i++) {
    const { label, pixels } = digits.get(i) as unknown as { label: number; pixels: Iterable<number> };
    const values = Array.from(pixels);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length / 255;
    sums.set(label, [...(sums.get(label) ?? []), mean]);
  }
  for (const part of means.split(', ')) {
    const [digit, mean] = part.split(': ').map(Number);
    const all = sums.get(digit as number) ?? [];
    // Resizing moves brightness about a little.
    expect(Math.abs((mean as number) - all.reduce((sum, value) => sum + value, 0) / all.length)).toBeLessThan(
      0.02,
    );
  }
});
