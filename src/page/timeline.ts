import type { DeviceShares, Report } from '../measure/report.js';
import type { DeviceTimeline, Timeline } from '../measure/timeline.js';
import { bytes, duration, percentExact, perSecond } from '../util/figures.js';
import { compact, roundUp, timeTicks } from './axis.js';
import { figure, percentOf } from './figure.js';
import { type Html, html } from './html.js';
import { HEADINGS } from './marks.js';
import { type Panel, plot, stepArea, stepLine } from './plot.js';
import type { StoppedRun } from './types.js';

/** What is said of all of a run while no moment of it is pointed at. */
interface Whole {
  readonly id: string;
  /** Those that are known, each with where its shares stand in the document. */
  readonly devices: readonly (DeviceShares & { readonly id: string; readonly at: string })[];
  readonly rowsPerSecond: Html | undefined;
  readonly memory: Html;
  readonly peakRssBytes: number;
  /** Shares of the time before the first batch, and after the last. */
  readonly start: number;
  readonly drain: number;
}

/** How a run went over time: each device's time, rows and memory. `prefix`: where its report stands in the document. */
export function overTime(report: Report, timeline: Timeline, prefix: string): Html {
  const { throughput, memory, devices, seconds, startupSeconds, drainSeconds } = report;
  const end = timeline.seconds.at(-1) ?? 0;
  const share = (length: number): number => (end > 0 ? length / end : 0);
  return drawing(timeline, {
    id: `${prefix.replaceAll('.', '-')}timeline`,
    devices: devices.map((device, i) => ({ ...device, at: `${prefix}devices.${i}.` })),
    rowsPerSecond: figure(`${prefix}throughput.rowsPerSecond`, throughput.rowsPerSecond, rowsPerSecond),
    memory: figure(`${prefix}memory.peakRssBytes`, memory.peakRssBytes, bytes),
    peakRssBytes: memory.peakRssBytes,
    start: share(startupSeconds),
    drain: share(end - (seconds - drainSeconds)),
  });
}

/** The same of a run that was stopped, until then. */
export function untilStopped({ progress }: StoppedRun, timeline: Timeline): Html {
  const peakRssBytes = Math.max(0, ...timeline.rssBytes);
  return drawing(timeline, {
    id: 'timeline',
    devices: (progress?.devices ?? []).map((device, i) => ({ ...device, at: `progress.devices.${i}.` })),
    rowsPerSecond: progress && figure('progress.rowsPerSecond', progress.rowsPerSecond, rowsPerSecond),
    memory: html`<data value="${peakRssBytes}">${bytes(peakRssBytes)}</data>`,
    peakRssBytes,
    ...ends(timeline),
  });
}

/** Shares are less than 1 together in the interval of the first batch, and in that of the last, by what lies outside. */
function ends({ seconds, devices }: Timeline): Pick<Whole, 'start' | 'drain'> {
  const end = seconds.at(-1) ?? 0;
  const counted = seconds.map((_, i) =>
    Math.max(...devices.map((device) => HEADINGS.reduce((sum, { key }) => sum + (device[key][i] ?? 0), 0))),
  );
  const first = counted.findIndex((share) => share > 0);
  if (first < 0) return { start: 1, drain: 0 };
  const last = counted.findLastIndex((share) => share > 0);
  const outside = (i: number): number =>
    Math.max(0, 1 - (counted[i] as number)) * ((seconds[i] as number) - (seconds[i - 1] ?? 0));
  const begin = (seconds[first - 1] ?? 0) + outside(first);
  const over = last > first ? outside(last) : 0;
  return { start: begin / end, drain: (end - (seconds[last] as number) + over) / end };
}

function drawing(timeline: Timeline, whole: Whole): Html {
  const { seconds } = timeline;
  const end = seconds.at(-1) ?? 0;
  const edges = [0, ...seconds].map((at) => (end > 0 ? at / end : 0));
  const starts = [0, ...seconds];
  return plot({
    id: whole.id,
    label: 'Moment of the run',
    atRest: `All of it, ${duration(end)}`,
    edges,
    positions: seconds.map((_, i) => ((edges[i] as number) + (edges[i + 1] as number)) / 2),
    captions: seconds.map((to, i) => `${duration(starts[i] as number)} to ${duration(to)}`),
    panels: [
      ...timeline.devices.map((device) => devicePanel(device, whole, edges)),
      ratePanel(whole, timeline, edges),
      memoryPanel(whole, timeline, edges),
    ],
    ticks: end > 0 ? timeTicks(end) : [],
  });
}

function devicePanel(device: DeviceTimeline, whole: Whole, edges: readonly number[]): Panel {
  const own = whole.devices.find(({ id }) => id === device.id);
  const tops: number[][] = [];
  for (const { key } of HEADINGS) {
    const below = tops.at(-1);
    tops.push(device[key].map((share, i) => (below?.[i] ?? 0) + share));
  }
  // The highest first: each covers what is not its own.
  const areas = HEADINGS.map(({ key }, i) => stepArea(key, edges, tops[i] as number[])).toReversed();
  return {
    title: device.id,
    series: HEADINGS.map(({ key, path, name, share }) => ({
      mark: key,
      name,
      atRest: own === undefined ? '' : figure(own.at + path, share(own), percentExact),
      texts: device[key].map(percentExact),
    })),
    ticks: [0.5, 1].map((at) => ({ at, text: `${at * 100} %` })),
    size: 'tall',
    drawing: html`${areas}${bands(whole)}`,
  };
}

/** What lies before the first batch, and after the last. */
function bands({ start, drain }: Whole): Html {
  const clamped = (share: number): number => Math.min(1, Math.max(0, share));
  const named = (text: string, share: number): string => (share >= 0.12 ? text : '');
  const [before, after] = [clamped(start), clamped(drain)];
  return html`<i class="band" style="left:0;width:${percentOf(before)}"><span>${named('start', before)}</span></i><i class="band" style="right:0;width:${percentOf(after)}"><span>${named('drain', after)}</span></i>`;
}

function ratePanel(whole: Whole, { rows, seconds }: Timeline, edges: readonly number[]): Panel {
  const rates = rows.map((count, i) => {
    const length = (seconds[i] as number) - (seconds[i - 1] ?? 0);
    return length > 0 ? count / length : 0;
  });
  const top = roundUp(Math.max(...rates));
  const heights = rates.map((rate) => rate / top);
  return {
    title: 'Rows a second',
    series: [
      {
        mark: 'rate',
        name: 'through the model',
        atRest: whole.rowsPerSecond ?? '',
        texts: rates.map(rowsPerSecond),
      },
    ],
    ticks: [0.5, 1].map((at) => ({ at, text: compact(top * at) })),
    size: 'middle',
    drawing: html`${stepArea('rate', edges, heights)}${stepLine('rate', edges, heights)}`,
  };
}

function memoryPanel(whole: Whole, { rssBytes }: Timeline, edges: readonly number[]): Panel {
  const top = roundUp(Math.max(whole.peakRssBytes, ...rssBytes));
  const heights = rssBytes.map((rss) => rss / top);
  return {
    title: 'Memory of the process',
    series: [
      {
        mark: 'memory',
        name: 'resident',
        atRest: html`${whole.memory} at its peak`,
        texts: rssBytes.map(bytes),
      },
    ],
    ticks: [0.5, 1].map((at) => ({ at, text: bytes(top * at).replace('.0 ', ' ') })),
    size: 'low',
    drawing: html`${stepArea('memory', edges, heights)}${stepLine('memory', edges, heights)}`,
  };
}

const rowsPerSecond = (rate: number): string => perSecond(rate, 'rows');
