import type { DeviceTimes } from '../clock/device-ledger.js';
import type { Histogram } from '../clock/histogram.js';
import type { Shard } from '../dataset/shard.js';
import { adviceOn, bottleneckOf } from '../measure/advice.js';
import type { GpuUtilization } from '../measure/gpu/types.js';
import { type Choice, type DeviceReport, type Report, round, sharesOf, together } from '../measure/report.js';
import type { Timeline } from '../measure/timeline.js';
import type { Ring } from '../ring/ring.js';
import type { SessionDevice } from '../session/types.js';
import { bytesOf } from '../util/dtype.js';
import type { Job } from './schema.js';

/** What a run that is over leaves to be told. Moments are microseconds of `now()`. */
export interface RunFacts {
  readonly job: Job;
  readonly fingerprint: string;
  readonly shard: Shard | undefined;
  readonly ring: Ring;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly rows: Report['rows'];
  readonly devices: readonly DeviceFacts[];
  readonly producers: Report['producers'];
  readonly timeline: Timeline;
  readonly chosen: readonly Choice[];
  readonly pinned: Report['memory']['pinned'];
  readonly warnings: readonly string[];
}

/** One device's. */
export interface DeviceFacts {
  readonly about: SessionDevice & Pick<DeviceReport, 'instances' | 'isolation'>;
  readonly times: DeviceTimes;
  readonly runMicros: Histogram;
  readonly utilization: GpuUtilization | null;
}

/** The report of a run. */
export function reportOf(facts: RunFacts): Report {
  const { job, ring, startedAt, endedAt, producers, devices, timeline } = facts;
  const times = together(devices.map((device) => device.times));
  const shares = sharesOf(times);
  const bottleneck = bottleneckOf(shares);
  const seconds = (endedAt - startedAt) / 1e6;
  const ran = times.firstStart > 0;
  const rowBytes = ring.layout.inputs.reduce((sum, { rowSize, dtype }) => sum + rowSize * bytesOf(dtype), 0);
  return {
    job: job.name,
    status: 'completed',
    fingerprint: facts.fingerprint,
    ...(facts.shard && { shard: { index: facts.shard.index, count: facts.shard.count } }),
    rows: facts.rows,
    batches: {
      count: times.batches,
      meanRows: times.batches > 0 ? round(times.rows / times.batches, 3) : 0,
      fill: times.capacity > 0 ? round(times.rows / times.capacity) : 0,
      paddingWaste: times.paddedTokens > 0 ? round(1 - times.tokens / times.paddedTokens) : 0,
    },
    seconds: round(seconds),
    startupSeconds: ran ? round((times.firstStart - startedAt) / 1e6) : round(seconds),
    drainSeconds: ran ? round((endedAt - times.lastEnd) / 1e6) : 0,
    throughput: {
      rowsPerSecond: round(times.rows / seconds, 1),
      inputBytesPerSecond: Math.round((times.rows * rowBytes) / seconds),
    },
    devices: devices.map(deviceReport),
    producers,
    memory: {
      ringBytes: ring.slotsInUse * ring.layout.slotBytes,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      ...(facts.pinned && { pinned: facts.pinned }),
    },
    ...(facts.chosen.length > 0 && { chosen: facts.chosen }),
    ...(ran && { timeline }),
    bottleneck,
    advice: adviceOn(bottleneck, shares, devices.length, producers.blocked),
    warnings: facts.warnings,
  };
}

function deviceReport({ about, times, runMicros, utilization }: DeviceFacts): DeviceReport {
  return {
    ...about,
    batches: times.batches,
    rows: times.rows,
    ...sharesOf(times),
    runMs: {
      p50: round(runMicros.quantile(0.5) / 1000, 3),
      p99: round(runMicros.quantile(0.99) / 1000, 3),
    },
    utilization,
  };
}
