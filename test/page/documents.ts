import type { BenchReport, Ceiling, Rate, SweepPoint } from '../../src/bench/types.js';
import type { GpuUtilization, Spread } from '../../src/measure/gpu/types.js';
import type { Bottleneck, DeviceReport, DeviceShares, Report } from '../../src/measure/report.js';
import type { DeviceTimeline, Timeline } from '../../src/measure/timeline.js';
import { random } from '../helpers/random.js';

/** Five places, as reports have them. */
const places = (value: number): number => Math.round(value * 1e5) / 1e5;

export interface RunShape {
  readonly seed?: number;
  readonly seconds?: number;
  /** Intervals of the time line. */
  readonly intervals?: number;
  readonly devices?: readonly string[];
  readonly simulated?: boolean;
  readonly utilization?: boolean;
  /** How heavily each cause weighs against busy. */
  readonly causes?: Partial<Record<'fetch' | 'prep' | 'batching' | 'blocked', number>>;
  readonly warnings?: readonly string[];
}

/** A run as it could have been: its time line wanders, and its totals are the time line's. */
export function runReport(shape: RunShape = {}): Report {
  const { seed = 1, seconds = 61.4, intervals = 600, devices = ['cuda:0'], simulated = false } = shape;
  const causes = { fetch: 0.06, prep: 0.12, batching: 0.03, blocked: 0.01, ...shape.causes };
  const next = random(seed);
  const startup = 1.9;
  const drain = 0.6;
  const step = seconds / intervals;
  const ends = Array.from({ length: intervals }, (_, i) => places((i + 1) * step));
  const lines = devices.map((id) => deviceLine(id, ends, { startup, end: seconds - drain }, causes, next));
  const rows = ends.map((_, i) =>
    Math.round(lines.reduce((sum, { busy }) => sum + (busy[i] as number), 0) * 5200 * step),
  );
  const rssBytes = ends.map((_, i) => Math.round(410e6 + 260e6 * (1 - Math.exp(-i / 18)) + 9e6 * next()));
  const timeline: Timeline = { seconds: ends, rows, rssBytes, devices: lines };
  const all = rows.reduce((sum, count) => sum + count, 0);
  const reports = lines.map((line) => deviceReport(line, shape, simulated, next));
  const [first] = reports;
  if (first === undefined) throw new RangeError('a run has a device');
  const bottleneck = limitOf(first);
  return {
    job: 'spam-embeddings',
    status: 'completed',
    fingerprint: '8d1f4c60b7a94e2f',
    rows: { read: all, written: all - 12, deadLettered: 12, resumed: 0 },
    batches: { count: Math.ceil(all / 61.3), meanRows: 61.3, fill: 0.95781, paddingWaste: 0.08314 },
    seconds,
    startupSeconds: startup,
    drainSeconds: drain,
    throughput: {
      rowsPerSecond: Math.round((all / seconds) * 10) / 10,
      inputBytesPerSecond: Math.round((all / seconds) * 3072),
    },
    devices: reports,
    producers: {
      count: 4,
      fetch: 0.2143,
      decode: 0.3367,
      transform: 0.0211,
      collate: 0.1604,
      blocked: 0.2541,
      idle: 0.0134,
    },
    memory: { ringBytes: 50_331_648, peakRssBytes: Math.max(...rssBytes) },
    chosen: [
      {
        key: 'batch.size',
        value: 64,
        because: 'the smallest of 1, 2, 4, …, 256 with nearly the highest rate',
      },
      { key: 'producers', from: 3, value: 4, because: 'the device waited 12 % of the time for storage' },
    ],
    timeline,
    bottleneck,
    advice: 'Raise producers, or make the rows cheaper to prepare; look at storage after that.',
    warnings: shape.warnings ?? [],
  };
}

function limitOf({ busy, starved: { fetch, prep, batching }, blocked }: DeviceShares): Bottleneck {
  const causes: [Bottleneck, number][] = [
    ['fetch', fetch],
    ['prep', prep],
    ['batching', batching],
    ['sink', blocked],
  ];
  return busy >= 0.9 ? 'device' : causes.reduce((most, cause) => (cause[1] > most[1] ? cause : most))[0];
}

/** A device that is mostly busy, with spells of want that wander from cause to cause. */
function deviceLine(
  id: string,
  ends: readonly number[],
  window: { readonly startup: number; readonly end: number },
  causes: Readonly<Record<'fetch' | 'prep' | 'batching' | 'blocked', number>>,
  next: () => number,
): DeviceTimeline {
  const line = { busy: [], fetch: [], prep: [], batching: [], blocked: [] } as Record<
    'busy' | keyof typeof causes,
    number[]
  >;
  const level = { fetch: 1, prep: 1, batching: 1, blocked: 1 };
  for (const [i, to] of ends.entries()) {
    const from = ends[i - 1] ?? 0;
    const share = overlap(from, to, window) / (to - from);
    const spell = 1 + 2.5 * Math.max(0, Math.sin(i / 37) ** 9);
    const wanted = Object.entries(causes).map(([cause, weight]) => {
      const key = cause as keyof typeof causes;
      level[key] = Math.max(0, level[key] + (next() - 0.5) * 0.6 + (1 - level[key]) * 0.15);
      return [key, weight * level[key] * (key === 'fetch' ? spell : 1)] as const;
    });
    const sum = wanted.reduce((total, [, weight]) => total + weight, 0);
    const scale = sum > 0.97 ? 0.97 / sum : 1;
    for (const [key, weight] of wanted) line[key].push(places(weight * scale * share));
    line.busy.push(places((1 - sum * scale) * share));
  }
  return { id, ...line };
}

function overlap(from: number, to: number, { startup, end }: { startup: number; end: number }): number {
  return Math.max(0, Math.min(to, end) - Math.max(from, startup));
}

function deviceReport(
  line: DeviceTimeline,
  { utilization = false }: RunShape,
  simulated: boolean,
  next: () => number,
): DeviceReport {
  const mean = (shares: readonly number[]): number => shares.reduce((sum, share) => sum + share, 0);
  const window = mean([line.busy, line.fetch, line.prep, line.batching, line.blocked].map(mean));
  const share = (shares: readonly number[]): number => places(mean(shares) / window);
  const [fetch, prep, batching] = [share(line.fetch), share(line.prep), share(line.batching)];
  const isGpu = line.id.startsWith('cuda');
  return {
    id: line.id,
    runtime: simulated ? 'simulated' : 'onnx',
    provider: simulated ? 'simulated' : isGpu ? 'cuda' : 'cpu',
    instances: 2,
    isolation: isGpu ? 'process' : 'thread',
    batches: 1912,
    rows: 117_206,
    simulated,
    busy: share(line.busy),
    starved: { total: places(fetch + prep + batching), fetch, prep, batching },
    blocked: share(line.blocked),
    ...(!isGpu && { handoff: 0.0021 }),
    runMs: { p50: places(11.2 + next()), p99: places(17.9 + next()) },
    utilization: utilization ? gpuUtilization(next) : null,
  };
}

function gpuUtilization(next: () => number): GpuUtilization {
  const spread = (mean: number, scale = 1): Spread => ({
    mean: places(mean * scale),
    p50: places(mean * scale * 1.01),
    p95: places(Math.min(mean * 1.12, scale === 1 ? 1 : Number.POSITIVE_INFINITY) * scale),
  });
  return {
    source: 'nvml',
    name: 'NVIDIA H100 80GB HBM3',
    samples: 588,
    memoryTotalBytes: 85_520_809_984,
    gpu: spread(0.71 + 0.02 * next()),
    memoryBusy: spread(0.34),
    memoryUsedBytes: spread(6.1, 1e9),
    watts: spread(412),
    celsius: spread(58),
    smClockMhz: spread(1755),
    memoryClockMhz: spread(2619),
    pcieSentBytesPerSecond: spread(0.42, 1e9),
    pcieReceivedBytesPerSecond: spread(3.7, 1e9),
    smActive: spread(0.463),
    smOccupancy: spread(0.218),
    tensorActive: spread(0.127),
    dramActive: null,
  };
}

/** A rate over five runs, with a spread of so many parts of it. */
function rateOf(median: number, spread: number, next: () => number): Rate {
  const runs = [-1, -0.5, 0, 0.5, 1].map((at) => Math.round(median * (1 + spread * at * (0.5 + next() / 2))));
  const sorted = runs.toSorted((a, b) => a - b);
  return {
    median: sorted[2] as number,
    min: sorted[0] as number,
    max: sorted[4] as number,
    runs: runs.toSorted(() => next() - 0.5),
  };
}

function* sweepPoints(next: () => number): Generator<SweepPoint> {
  for (const size of [32, 128, 4096]) {
    for (const producers of [2, 4]) {
      const values = { 'batch.size': size, producers };
      if (size > 1000) {
        const error = 'the ring needs 8 slots × 800.0 MiB = 6.3 GiB, more than its limit of 2.0 GiB';
        yield { values, error, rowsPerSecond: null, device: null, fill: null, bottleneck: null };
        continue;
      }
      const rowsPerSecond = rateOf(5000 + 20 * size + 600 * producers, 0.03, next);
      const busy = places(0.7 + 0.06 * producers * next());
      const device = {
        runMs: { p50: places(size * 0.09), p99: places(size * 0.13) },
        busy,
        starved: { total: places(0.97 - busy), fetch: 0.01, prep: places(0.95 - busy), batching: 0.01 },
        blocked: 0.03,
      };
      yield { values, error: null, rowsPerSecond, device, fill: 0.99123, bottleneck: 'prep' };
    }
  }
}

export interface BenchShape {
  readonly seed?: number;
  readonly sink?: boolean;
  readonly quick?: boolean;
  readonly simulated?: boolean;
}

/** A bench as it could have been: the device limits, storage is far from it. */
export function benchReport({
  seed = 7,
  sink = true,
  quick = false,
  simulated = false,
}: BenchShape = {}): BenchReport {
  const next = random(seed);
  const ceiling = (median: number, bytes: number, spread = 0.03): Ceiling => ({
    rowsPerSecond: rateOf(median, spread, next),
    bytesPerSecond: median * bytes,
  });
  const most = 11_900;
  const curve = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((batchSize) => {
    const micros = 900 + batchSize * 84;
    const rowsPerSecond = rateOf((batchSize / micros) * 1e6 * (batchSize > 256 ? 0.97 : 1), 0.02, next);
    const p50 = Math.round((batchSize / rowsPerSecond.median) * 1e6) / 1e3;
    return { batchSize, runMs: { p50, p99: places(p50 * (1.15 + 0.4 * next())) }, rowsPerSecond };
  });
  const peak = Math.max(...curve.map(({ rowsPerSecond }) => rowsPerSecond.median));
  const knee = curve.find(({ rowsPerSecond }) => rowsPerSecond.median >= 0.9 * peak);
  if (knee === undefined) throw new RangeError('a curve has a knee');
  const pipeline = rateOf(9480, 0.025, next);
  const loop = rateOf(4210, 0.04, next);
  const device = ceiling(10_150, 3072);
  return {
    job: 'spam-embeddings',
    status: 'completed',
    date: '2026-03-14T15:09:26.535Z',
    machine: {
      cpu: 'AMD EPYC 9354 32-Core Processor',
      cores: 16,
      memoryBytes: 137_438_953_472,
      node: 'v24.21.0',
      platform: 'linux x64',
    },
    quick,
    seconds: 148.2,
    rows: 120_000,
    batchSize: 64,
    producers: 4,
    instances: 2,
    ceilings: {
      storage: ceiling(1_640_000, 3072, 0.06),
      loader: ceiling(22_400, 3072, 0.05),
      device,
      sink: sink ? ceiling(31_800, 512, 0.1) : null,
    },
    curve,
    knee: { batchSize: knee.batchSize, rowsPerSecond: knee.rowsPerSecond.median },
    pipeline: {
      rowsPerSecond: pipeline,
      report: runReport({
        seed,
        seconds: 12.7,
        intervals: 127,
        utilization: !simulated,
        simulated,
        devices: [simulated ? 'simulated' : 'cuda:0'],
        causes: { fetch: 0.004, prep: 0.03, batching: 0.01, blocked: 0.002 },
      }),
    },
    pointToPoint: {
      rowsPerSecond: loop,
      shares: { fetch: 0.0311, prep: 0.5032, run: 0.4145, write: 0.0512 },
    },
    efficiency: places(pipeline.median / device.rowsPerSecond.median),
    speedup: places(pipeline.median / loop.median),
    limitedBy: 'device',
    whatIf: [
      {
        change: 'batch.size',
        from: 64,
        to: knee.batchSize,
        rowsPerSecond: 11_020,
        gain: 0.1624,
        because: 'the device does more rows a second in batches of that size, and the loader keeps up',
      },
      {
        change: 'model.instances',
        from: 2,
        to: 3,
        rowsPerSecond: 9_720,
        gain: 0.0253,
        because:
          'the device was idle between batches for 4 % of the time; another instance fills that at most',
      },
      {
        change: 'producers',
        from: 4,
        to: 5,
        rowsPerSecond: 9_480,
        gain: 0,
        because: 'the loader is ahead of the device already',
      },
      {
        change: 'storage',
        from: '5.0 GB/s',
        to: '10.1 GB/s',
        rowsPerSecond: 9_480,
        gain: 0,
        because: 'storage could feed the device 161 times over',
      },
    ],
    readFrom: 'page cache',
    sweep: {
      keys: ['batch.size', 'producers'],
      points: [...sweepPoints(next)],
      best: 3,
    },
    advice: `The device limits: batches of ${knee.batchSize} instead of 64 bring 16 % (${most} rows/s at the most), a faster device more. Storage, the loader and the sink have room.`,
    warnings: quick
      ? ['A quick bench runs each stage for one second: differences under 10 % are noise.']
      : [],
  };
}
