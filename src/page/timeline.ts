import type { Report } from '../measure/report.js';
import type { DeviceTimeline, Timeline } from '../measure/timeline.js';
import { bytes, duration, percentExact, perSecond } from '../util/figures.js';
import { compact, roundUp, timeTicks } from './axis.js';
import { figure, percentOf } from './figure.js';
import { type Html, html } from './html.js';
import { HEADINGS } from './marks.js';
import { type Panel, plot, stepArea, stepLine } from './plot.js';

/** How a run went over time: each device's time, rows and memory. */
export function overTime(report: Report, timeline: Timeline, prefix: string): Html {
  const { seconds } = timeline;
  const end = seconds.at(-1) ?? 0;
  const edges = [0, ...seconds].map((at) => (end > 0 ? at / end : 0));
  const starts = [0, ...seconds];
  return plot({
    id: `${prefix.replaceAll('.', '-')}timeline`,
    label: 'Moment of the run',
    atRest: `All of it, ${duration(end)}`,
    edges,
    positions: seconds.map((_, i) => ((edges[i] as number) + (edges[i + 1] as number)) / 2),
    captions: seconds.map((to, i) => `${duration(starts[i] as number)} to ${duration(to)}`),
    panels: [
      ...timeline.devices.map((device) => devicePanel(device, report, edges, end, prefix)),
      ratePanel(report, timeline, edges, prefix),
      memoryPanel(report, timeline, edges, prefix),
    ],
    ticks: end > 0 ? timeTicks(end) : [],
  });
}

function devicePanel(
  device: DeviceTimeline,
  report: Report,
  edges: readonly number[],
  end: number,
  prefix: string,
): Panel {
  const place = report.devices.findIndex(({ id }) => id === device.id);
  const whole = report.devices[place];
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
      atRest:
        whole === undefined ? '' : figure(`${prefix}devices.${place}.${path}`, share(whole), percentExact),
      texts: device[key].map(percentExact),
    })),
    ticks: [0.5, 1].map((at) => ({ at, text: `${at * 100} %` })),
    size: 'tall',
    drawing: html`${areas}${bands(report, end)}`,
  };
}

/** What lies before the first batch, and after the last. */
function bands({ startupSeconds, drainSeconds, seconds }: Report, end: number): Html {
  const share = (length: number): number => (end > 0 ? Math.min(1, Math.max(0, length / end)) : 0);
  const start = share(startupSeconds);
  const drain = share(end - (seconds - drainSeconds));
  const named = (text: string, share: number): string => (share >= 0.12 ? text : '');
  return html`<i class="band" style="left:0;width:${percentOf(start)}"><span>${named('start', start)}</span></i><i class="band" style="right:0;width:${percentOf(drain)}"><span>${named('drain', drain)}</span></i>`;
}

function ratePanel(
  { throughput }: Report,
  { rows, seconds }: Timeline,
  edges: readonly number[],
  prefix: string,
): Panel {
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
        atRest: figure(`${prefix}throughput.rowsPerSecond`, throughput.rowsPerSecond, rowsPerSecond),
        texts: rates.map(rowsPerSecond),
      },
    ],
    ticks: [0.5, 1].map((at) => ({ at, text: compact(top * at) })),
    size: 'middle',
    drawing: html`${stepArea('rate', edges, heights)}${stepLine('rate', edges, heights)}`,
  };
}

function memoryPanel(
  { memory }: Report,
  { rssBytes }: Timeline,
  edges: readonly number[],
  prefix: string,
): Panel {
  const top = roundUp(Math.max(memory.peakRssBytes, ...rssBytes));
  const heights = rssBytes.map((rss) => rss / top);
  return {
    title: 'Memory of the process',
    series: [
      {
        mark: 'memory',
        name: 'resident',
        atRest: html`${figure(`${prefix}memory.peakRssBytes`, memory.peakRssBytes, bytes)} at its peak`,
        texts: rssBytes.map(bytes),
      },
    ],
    ticks: [0.5, 1].map((at) => ({ at, text: bytes(top * at).replace('.0 ', ' ') })),
    size: 'low',
    drawing: html`${stepArea('memory', edges, heights)}${stepLine('memory', edges, heights)}`,
  };
}

const rowsPerSecond = (rate: number): string => perSecond(rate, 'rows');
