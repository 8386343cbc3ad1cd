import type { BenchReport, DevicePoint } from '../bench/types.js';
import { millis, whole } from '../util/figures.js';
import { compact, roundUp, type Tick } from './axis.js';
import { rate, rowsPerSecond } from './ceilings.js';
import { figure, percentOf } from './figure.js';
import { type Html, html } from './html.js';
import { band, line, type Panel, plot } from './plot.js';

/** Room left at both ends of the axis, so that the first and the last point can be seen whole. */
const MARGIN = 0.04;

/** What the device does at each batch size: rows a second, and how long a batch takes. */
export function curve({ curve: points, knee, batchSize, fullBatch = batchSize }: BenchReport): Html {
  const sizes = points.map((point) => point.batchSize);
  const at = positions(sizes);
  const marks = marksAt(sizes, at, knee.batchSize, fullBatch);
  const drawn = plot({
    id: 'curve',
    label: 'Batch size',
    atRest: `At the knee: batches of ${whole(knee.batchSize)}`,
    edges: [0, ...at.slice(1).map((x, i) => (x + (at[i] as number)) / 2), 1],
    positions: at,
    captions: sizes.map((size) => `Batches of ${whole(size)}`),
    panels: [throughput(points, at, knee, marks), latency(points, at, knee.batchSize, marks)],
    ticks: at.map((x, i): Tick => ({ at: x, text: whole(sizes[i] as number) })),
  });
  return html`${drawn}${table(points, knee.batchSize)}`;
}

/** Doubled sizes are equally far from each other. */
function positions(sizes: readonly number[]): number[] {
  const logs = sizes.map((size) => Math.log2(size));
  const first = logs[0] ?? 0;
  const length = (logs.at(-1) ?? 0) - first;
  return logs.map((log) => (length > 0 ? MARGIN + ((log - first) / length) * (1 - 2 * MARGIN) : 0.5));
}

/** Lines down through both panels: at the knee, and at the job's own batch size. */
function marksAt(sizes: readonly number[], at: readonly number[], knee: number, own: number): Html {
  const x = at[sizes.indexOf(knee)];
  const ownX = at[sizes.indexOf(own)];
  return html`${upright('knee', 'knee', x)}${own !== knee && upright('own', 'this job', ownX)}`;
}

function upright(mark: string, text: string, x: number | undefined): Html | undefined {
  if (x === undefined) return undefined;
  // Near the end there is no room for the text but before the line.
  return html`<i class="upright ${mark}${x > 0.75 ? ' late' : ''}" style="left:${percentOf(x)}"><span>${text}</span></i>`;
}

function dots(mark: string, at: readonly number[], heights: readonly number[]): Html {
  return html`${at.map((x, i) => html`<i class="dot fill-${mark}" style="left:${percentOf(x)};bottom:${percentOf(heights[i] as number)}"></i>`)}`;
}

function throughput(
  points: readonly DevicePoint[],
  at: readonly number[],
  knee: BenchReport['knee'],
  marks: Html,
): Panel {
  const top = roundUp(Math.max(...points.map((point) => point.rowsPerSecond.max)));
  const heights = points.map((point) => point.rowsPerSecond.median / top);
  const spread = points.map(({ rowsPerSecond: { min, max } }, i) => ({
    x: at[i] as number,
    low: min / top,
    high: max / top,
  }));
  return {
    title: 'Rows a second',
    series: [
      {
        mark: 'rate',
        name: 'median, and the spread of runs',
        atRest: figure('knee.rowsPerSecond', knee.rowsPerSecond, rowsPerSecond),
        texts: points.map((point) => rowsPerSecond(point.rowsPerSecond.median)),
      },
    ],
    ticks: [0.5, 1].map((share) => ({ at: share, text: compact(top * share) })),
    size: 'tall',
    drawing: html`${band('spread', spread)}${marks}${line(
      'rate',
      at.map((x, i) => [x, heights[i] as number]),
    )}${dots('rate', at, heights)}`,
  };
}

function latency(
  points: readonly DevicePoint[],
  at: readonly number[],
  kneeSize: number,
  marks: Html,
): Panel {
  const { bottom, decades } = decadesOf(points.flatMap(({ runMs }) => [runMs.p50, runMs.p99]));
  const knee = points.findIndex(({ batchSize }) => batchSize === kneeSize);
  const atKnee = (key: 'p50' | 'p99'): Html | string => {
    const value = points[knee]?.runMs[key];
    return value === undefined ? '' : figure(`curve.${knee}.runMs.${key}`, value, millis);
  };
  const lineOf = (mark: string, of: (point: DevicePoint) => number): Html => {
    const heights = points.map((point) => (Math.log10(of(point)) - bottom) / decades);
    return html`${line(
      mark,
      at.map((x, i) => [x, heights[i] as number]),
    )}${dots(mark, at, heights)}`;
  };
  return {
    title: html`A batch takes <small>logarithmic</small>`,
    series: [
      {
        mark: 'p50',
        name: 'half of them, at most',
        atRest: atKnee('p50'),
        texts: points.map(({ runMs }) => millis(runMs.p50)),
      },
      {
        mark: 'p99',
        name: '99 of 100, at most',
        atRest: atKnee('p99'),
        texts: points.map(({ runMs }) => millis(runMs.p99)),
      },
    ],
    ticks: Array.from({ length: decades + 1 }, (_, i) => ({
      at: i / decades,
      text: `${compact(10 ** (bottom + i))} ms`,
    })),
    size: 'middle',
    drawing: html`${marks}${lineOf('p99', ({ runMs }) => runMs.p99)}${lineOf('p50', ({ runMs }) => runMs.p50)}`,
  };
}

/** Whole powers of ten around some values: the lowest, as an exponent, and how many there are above it. */
function decadesOf(values: readonly number[]): { bottom: number; decades: number } {
  const positive = values.filter((value) => value > 0);
  const bottom = Math.floor(Math.log10(Math.min(...positive)));
  const top = Math.ceil(Math.log10(Math.max(...positive)));
  return { bottom, decades: Math.max(1, top - bottom) };
}

function table(points: readonly DevicePoint[], knee: number): Html {
  return html`<details><summary>The curve in figures</summary><div class="wide"><table><thead><tr><th scope="col">batch size</th><th scope="col">rows/s</th><th scope="col">p50</th><th scope="col">p99</th></tr></thead><tbody>${points.map(
    ({ batchSize, rowsPerSecond: speed, runMs }, i) =>
      html`<tr><th scope="row">${figure(`curve.${i}.batchSize`, batchSize, whole)}${batchSize === knee ? ' (knee)' : ''}</th><td class="number">${rate(`curve.${i}.rowsPerSecond`, speed)}</td><td class="number">${figure(`curve.${i}.runMs.p50`, runMs.p50, millis)}</td><td class="number">${figure(`curve.${i}.runMs.p99`, runMs.p99, millis)}</td></tr>`,
  )}</tbody></table></div></details>`;
}
