import { parentPort, workerData } from 'node:worker_threads';
import { now } from '../../clock/now.js';
import { matchGpu } from './match.js';
import { openGpuProbe } from './probe.js';
import { GpuSeries } from './series.js';
import type { GpuDevice, GpuProbe, GpuUtilization } from './types.js';

/*
 * The thread that asks the GPUs: a question to the driver may take milliseconds, which no other thread has to spare. It
 * keeps what it hears to itself until the end.
 */

/** 10 Hz. */
const EVERY_MS = 100;

/** What counts of a device's samples, in microseconds of `now()`. */
export interface SampleWindow {
  readonly from: number;
  readonly to: number;
}

/** Main thread → this one: by the place of the device in the list as well. The answer ends the thread. */
export type SummaryRequest = readonly SampleWindow[];

/** By the place of the device in the list that the thread was started with. */
export type SummaryReply = readonly (GpuUtilization | null)[];

interface Sampled {
  readonly gpu: GpuDevice;
  readonly series: GpuSeries;
}

if (parentPort === null) throw new Error('this module is the entry of the thread that samples GPUs');
const port = parentPort;

function sampleAll(probe: GpuProbe, sampled: Iterable<Sampled>): void {
  for (const { gpu, series } of sampled) {
    const sample = probe.sample(gpu.index);
    if (sample !== null) series.add(now(), sample);
  }
}

function summarise(
  probe: GpuProbe,
  sampled: Sampled | undefined,
  window: SampleWindow | undefined,
): GpuUtilization | null {
  if (sampled === undefined || window === undefined) return null;
  const { samples, spreads } = sampled.series.summary(window.from, window.to);
  if (samples === 0) return null;
  const { name, index } = sampled.gpu;
  return { source: probe.source, name, samples, memoryTotalBytes: probe.memoryBytes(index), ...spreads };
}

async function main(deviceIds: readonly string[]): Promise<void> {
  const asked = new Promise<SummaryRequest>((resolve) => port.once('message', resolve));
  const probe = await openGpuProbe();
  if (probe === null) {
    await asked;
    port.postMessage(deviceIds.map(() => null) satisfies SummaryReply);
    return;
  }
  const gpus = probe.devices();
  // Several devices of a job may be one GPU.
  const byIndex = new Map<number, Sampled>();
  const sampled = deviceIds.map((id) => {
    const gpu = matchGpu(id, gpus);
    if (gpu === undefined) return undefined;
    const known = byIndex.get(gpu.index) ?? { gpu, series: new GpuSeries() };
    byIndex.set(gpu.index, known);
    return known;
  });
  sampleAll(probe, byIndex.values());
  const timer = setInterval(sampleAll, EVERY_MS, probe, [...byIndex.values()]);
  const windows = await asked;
  clearInterval(timer);
  port.postMessage(sampled.map((one, place) => summarise(probe, one, windows[place])) satisfies SummaryReply);
  probe.close();
}

await main(workerData as readonly string[]);
port.close();
