import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { steadyRate, summarised } from '../../bench/gpu/measure.mjs';
import { compare } from '../../bench/gpu/parity.mjs';
import { penstock } from '../../bench/gpu/penstock.mjs';
import { lastWords, runProgram } from '../../bench/gpu/process.mjs';
import { fastest, findTorch, torchDevice } from '../../bench/gpu/pytorch.mjs';
import { summaryText } from '../../bench/gpu/summary.mjs';
import { verdictsOf } from '../../bench/gpu/verdicts.mjs';
import { workspace } from '../helpers/workspace.js';

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

describe('a command of the suite', () => {
  const node = process.execPath;

  it('is given up when its time is over, with what it has started', async () => {
    const at = workspace();
    // The child holds the pipe open for as long as it lives.
    const child = 'setInterval(() => {}, 1000)';
    const script = `require('child_process').spawn(process.execPath, ['-e', '${child}'], { stdio: 'inherit' });
      console.error('started'); setInterval(() => {}, 1000);`;
    const options = { log: at('log'), limitSeconds: 1 };
    await expect(runProgram(node, ['-e', script], options)).rejects.toThrow('given up after 1 s');
    expect(readFileSync(at('log'), 'utf8')).toBe('started\n');
  });

  it('that fails is told of by the error in its document', async () => {
    const at = workspace();
    const failing = penstock(['run', at('no.json')], { log: at('log'), limitSeconds: 60 });
    await expect(failing).rejects.toThrow(/penstock run ended with exit code 2: .*no\.json/);
  });

  it('that is no program is an error', async () => {
    const at = workspace();
    await expect(runProgram(at('nothing'), [], { log: at('log'), limitSeconds: 5 })).rejects.toThrow(
      'ENOENT',
    );
  });

  it('says in the last line of a traceback what was wrong', () => {
    expect(lastWords('Traceback:\n  File "x"\nValueError: no such thing\n\n')).toBe(
      'ValueError: no such thing',
    );
    expect(lastWords('one\ntwo\nthree\nfour\n')).toBe('two three four');
  });
});

describe.skipIf(process.platform === 'win32')('PyTorch', () => {
  it('need not be there', async () => {
    const at = workspace();
    expect(await findTorch(at('python'), at('log'))).toEqual({ missing: expect.stringContaining('ENOENT') });
    // A Python that has none.
    writeFileSync(
      at('python'),
      `#!/bin/sh\necho "ModuleNotFoundError: No module named 'torch'" >&2\nexit 1\n`,
    );
    chmodSync(at('python'), 0o755);
    const { missing } = (await findTorch(at('python'), at('log'))) as { missing: string };
    expect(missing).toMatch(/python: ModuleNotFoundError: No module named 'torch'$/);
  });

  it('has a device for the CPU, and for CUDA where it finds that', () => {
    expect(['cpu', 'cuda', 'tensorrt', 'webgpu'].map((name) => torchDevice(name, { cuda: true }))).toEqual([
      'cpu',
      'cuda:0',
      'cuda:0',
      undefined,
    ]);
    expect(torchDevice('cuda', { cuda: false })).toBeUndefined();
  });
});

describe('the summary', () => {
  const rate = (median: number) => ({ rowsPerSecond: { median } });
  const utilization = { gpu: { mean: 0.91, p50: 0.9, p95: 1 } };
  const run = {
    rows: { read: 9000 },
    seconds: 11,
    startupSeconds: 1.5,
    drainSeconds: 0.5,
    throughput: { rowsPerSecond: 818 },
    devices: [{ busy: 0.97, starved: { total: 0 }, runMs: { p50: 60 }, utilization: null }],
  };
  const figures = {
    model: 'resnet50',
    provider: 'cuda',
    batchSize: 64,
    bench: {
      ceilings: { storage: rate(9000), loader: rate(5000), device: rate(1000), sink: null },
      pipeline: rate(980),
    },
    run,
    verdicts: [],
    pinned: {
      told: { bytes: 8 * 2 ** 20, what: 'ring' },
      with: summarised([run]),
      without: { rowsPerSecond: 850, busy: 0.9, runMs: 66, runs: 1 },
    },
    torch: {
      torch: '2.15.0',
      settings: 'pin_memory',
      loaders: [
        { workers: 0, rowsPerSecond: 3000 },
        { workers: 8, rowsPerSecond: 900 },
      ],
      deviceAlone: { rowsPerSecond: 1000 },
      pipelines: [
        { workers: 0, rowsPerSecond: 700, busy: 0.7 },
        { workers: 8, rowsPerSecond: 800, busy: 0.8 },
      ],
      utilization,
    },
  };
  const results = {
    title: 'Penstock on a GPU',
    date: '2026-11-29',
    quick: false,
    doctor: null,
    models: [],
    parity: [],
    figures: [figures],
    torch: { torch: '2.15.0', cuda: true },
    steps: [],
  };

  it('sets PyTorch beside Penstock, with the best of its numbers of workers', () => {
    const lines = summaryText(results).split('\n');
    expect(lines).toContain('| resnet50 | cuda | 64 | Penstock | 5,000 | 1,000 | 980 | 98.0 % | 3.0 % | – |');
    expect(lines).toContain(
      '|  |  |  | PyTorch 2.15.0 | 3,000 (0 workers) | 1,000 | 800 (8 workers) | 80.0 % | 20.0 % | 91.0 % |',
    );
    expect(fastest(figures.torch.pipelines).workers).toBe(8);
  });

  it('says why PyTorch is not in it', () => {
    const { torch: _, ...alone } = figures;
    const missing = { ...results, figures: [alone], torch: { missing: 'python3: No module named torch' } };
    expect(summaryText(missing)).toContain('PyTorch is not on this host (python3: No module named torch)');
    expect(summaryText({ ...missing, torch: null })).not.toContain('PyTorch');
  });

  it('sets runs with pinned memory beside runs without', () => {
    const lines = summaryText(results).split('\n');
    expect(lines).toContain('| resnet50 | cuda | pinned | 8 MiB | 1,000 | 97.0 % | 60.00 ms | 1 |');
    expect(lines).toContain('|  |  | not pinned | – | 850 | 90.0 % | 66.00 ms | 1 |');
    expect(steadyRate(run)).toBe(1000);
    const failed = {
      ...figures,
      pinned: { ...figures.pinned, told: { bytes: 0, what: 'ring', error: 'X (2)' } },
    };
    expect(summaryText({ ...results, figures: [failed] })).toContain(
      'resnet50: not all could be pinned: X (2)',
    );
  });
});
