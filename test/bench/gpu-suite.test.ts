import { describe, expect, it } from 'vitest';
import { compare } from '../../bench/gpu/parity.mjs';
import { verdictsOf } from '../../bench/gpu/verdicts.mjs';

describe('parity', () => {
  const expected = [
    [1, 2, -4],
    [0.5, 3, 1],
  ];

  it('is measured by the largest difference, as a share of the largest output', () => {
    const rows = [
      [1, 2, -4],
      [0.5, 3.002, 1],
    ];
    expect(compare(rows, expected, 'webgpu')).toMatchObject({ rows: 2, agrees: true, sameLargest: 1 });
    expect(compare(rows, expected, 'webgpu').relative).toBeCloseTo(0.0005);
  });

  it('allows what TF32 rounds off on CUDA, and not elsewhere', () => {
    const rows = [
      [1, 2.02, -4],
      [0.5, 3, 1],
    ];
    expect(compare(rows, expected, 'cuda').agrees).toBe(true);
    expect(compare(rows, expected, 'webgpu').agrees).toBe(false);
  });

  it('takes NaN for a difference, and counts rows whose largest output is another', () => {
    expect(compare([[Number.NaN, 2, -4]], expected.slice(0, 1), 'cuda').agrees).toBe(false);
    expect(
      compare(
        [
          [5, 2, -4],
          [0.5, 3, 1],
        ],
        expected,
        'cuda',
      ).sameLargest,
    ).toBe(0.5);
  });

  it('refuses rows that are missing or of another width', () => {
    expect(() => compare([[1, 2, -4]], expected, 'cpu')).toThrow('1 rows came out where 2 were expected');
    expect(() =>
      compare(
        [
          [1, 2],
          [0.5, 3],
        ],
        expected,
        'cpu',
      ),
    ).toThrow('row 0 has 2 numbers, expected 3');
  });
});

describe('verdicts', () => {
  const rate = (median: number) => ({ rowsPerSecond: { median } });
  const figures = (busy: number, pipeline: number, loader: number) => ({
    bench: {
      ceilings: { storage: rate(9000), loader: rate(loader), device: rate(1000), sink: null },
      pipeline: rate(pipeline),
      limitedBy: loader < 1000 ? 'prep' : 'device',
    },
    run: { bottleneck: busy > 0.9 ? 'device' : 'prep', devices: [{ busy }] },
  });

  it('are met by a device that is fed', () => {
    expect(verdictsOf(figures(0.97, 990, 5000)).map(({ met, todo }) => ({ met, todo }))).toEqual(
      Array.from({ length: 3 }, () => ({ met: true, todo: null })),
    );
  });

  it('say what to do about one that is not', () => {
    const [busy, near, lowest] = verdictsOf(figures(0.8, 800, 850));
    expect(busy).toMatchObject({
      met: false,
      seen: '80.0 %',
      todo: expect.stringContaining('more producers'),
    });
    expect(near).toMatchObject({ met: false, seen: '80.0 % of it' });
    expect(lowest).toMatchObject({ met: false, seen: 'loader can do less' });
  });
});
