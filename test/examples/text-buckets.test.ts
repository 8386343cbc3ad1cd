import { expect, test, vi } from 'vitest';

interface Line {
  readonly source: string;
  readonly batching: string;
  readonly rows: number;
  readonly mostTokens: number;
  readonly padding: number;
}

test('the text example pads less than half as much with buckets, and keeps to its token budget', async () => {
  const printed: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
  try {
    await import('../../examples/text-buckets.js');
  } finally {
    vi.restoreAllMocks();
  }
  const lines = printed.slice(1).map(parse);
  expect(lines.map(({ source }) => source)).toEqual(Array(3).fill(['objects', 'file']).flat());
  for (const { rows } of lines) expect(rows).toBe(6046);
  for (const source of ['objects', 'file']) {
    const [without, buckets, budget] = lines.filter((line) => line.source === source);
    if (!without || !buckets || !budget) throw new Error('three lines a source');
    expect(without.padding).toBeGreaterThan(50);
    expect(buckets.padding).toBeLessThan(without.padding / 2);
    expect(budget.padding).toBeCloseTo(buckets.padding, 0);
    // 64 rows of the longest bucket without a budget.
    expect(buckets.mostTokens).toBe(64 * 2048);
    expect(budget.mostTokens).toBe(32_768);
  }
});

function parse(line: string): Line {
  const cells = line.split(/ {2,}/);
  const [source = '', batching = '', rows, , , mostTokens, , padding = ''] = cells;
  return {
    source,
    batching,
    rows: Number(rows),
    mostTokens: Number(mostTokens),
    padding: Number.parseFloat(padding),
  };
}
