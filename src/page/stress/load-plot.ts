import type { ScenarioReport, ServerKind, StressReport } from '../../stress/types.js';
import { percent, percentExact, whole } from '../../util/figures.js';
import { compact, roundUp } from '../axis.js';
import { percentOf } from '../figure.js';
import { type Html, html } from '../html.js';
import { line, type Panel, plot } from '../plot.js';
import { MARKS, NAMES, SERVERS } from './names.js';
import { LogScale, latencyText } from './scale.js';

/** Room left at both ends of the axis. */
const MARGIN = 0.05;

/** What 99 of 100 requests wait at most, and how many are answered in time, over how much is offered. */
export function loadPlot({ scenarios }: StressReport): Html | undefined {
  const points = scenarios
    .filter(({ load }) => load !== null)
    .toSorted((a, b) => (a.load ?? 0) - (b.load ?? 0));
  if (points.length < 2) return undefined;
  const loads = points.map(({ load }) => load ?? 0);
  const at = positions(loads);
  return plot({
    id: 'load',
    label: 'Load',
    atRest: 'Load: what is offered, of what Penstock can answer',
    edges: [0, ...at.slice(1).map((x, i) => (x + (at[i] as number)) / 2), 1],
    positions: at,
    captions: loads.map((load) => `At ${percent(load)} of what Penstock can answer`),
    panels: [latency(points, at), goodput(points, at)],
    ticks: at.map((x, i) => ({ at: x, text: percent(loads[i] as number) })),
  });
}

/** In proportion, from nothing to the most. */
function positions(loads: readonly number[]): number[] {
  const most = Math.max(...loads);
  return loads.map((load) => MARGIN + (load / most) * (1 - 2 * MARGIN));
}

const p99Of = (point: ScenarioReport, kind: ServerKind): number =>
  point.servers[kind].streams[0]?.latencyMs.p99 ?? 0;
const goodputOf = (point: ScenarioReport, kind: ServerKind): number =>
  point.servers[kind].streams[0]?.goodputPerSecond ?? 0;
const shareOf = (point: ScenarioReport, kind: ServerKind): number =>
  point.servers[kind].streams[0]?.goodShare ?? 0;

function latency(points: readonly ScenarioReport[], at: readonly number[]): Panel {
  const scale = new LogScale(SERVERS.flatMap((kind) => points.map((point) => p99Of(point, kind))));
  return {
    title: html`99 of 100 requests are answered within <small>logarithmic</small>`,
    series: SERVERS.map((kind) => ({
      mark: MARKS[kind],
      name: NAMES[kind],
      atRest: '',
      texts: points.map((point) => latencyText(p99Of(point, kind))),
    })),
    ticks: scale.ticks,
    size: 'tall',
    drawing: lines(at, (kind) => points.map((point) => scale.heightOf(p99Of(point, kind)))),
  };
}

function goodput(points: readonly ScenarioReport[], at: readonly number[]): Panel {
  const most = Math.max(...SERVERS.flatMap((kind) => points.map((point) => goodputOf(point, kind))));
  const top = roundUp(most);
  return {
    title: 'Answered within the deadline, requests a second',
    series: SERVERS.map((kind) => ({
      mark: MARKS[kind],
      name: NAMES[kind],
      atRest: '',
      texts: points.map(
        (point) => `${whole(goodputOf(point, kind))}/s, ${percentExact(shareOf(point, kind))}`,
      ),
    })),
    ticks: [0.5, 1].map((share) => ({ at: share, text: compact(top * share) })),
    size: 'tall',
    drawing: lines(at, (kind) => points.map((point) => goodputOf(point, kind) / top)),
  };
}

/** A line and its points for each server, that of Penstock on top. */
export function lines(at: readonly number[], heightsOf: (kind: ServerKind) => readonly number[]): Html {
  return html`${SERVERS.toReversed().map((kind) => {
    const heights = heightsOf(kind);
    const mark = MARKS[kind];
    return html`${line(
      mark,
      at.map((x, i) => [x, heights[i] ?? 0]),
    )}${at.map((x, i) => html`<i class="dot fill-${mark}" style="left:${percentOf(x)};bottom:${percentOf(heights[i] ?? 0)}"></i>`)}`;
  })}`;
}
