import type { ScenarioReport, ServerKind } from '../../stress/types.js';
import { duration, perSecond } from '../../util/figures.js';
import { compact, roundUp, timeTicks } from '../axis.js';
import { type Html, html } from '../html.js';
import { type Panel, plot, stepArea, stepLine } from '../plot.js';
import { MARKS, NAMES, SERVERS } from './names.js';
import { LogScale, latencyText } from './scale.js';

/** What happened when: requests that were due and answered in time, and what they waited. Of the first stream. */
export function timePlot(scenario: ScenarioReport): Html | undefined {
  const line = (kind: ServerKind) => scenario.servers[kind].streams[0]?.timeline;
  const ends = line('penstock')?.seconds ?? [];
  if (ends.length === 0 || line('pointToPoint') === undefined) return undefined;
  const { seconds } = scenario;
  const edges = [0, ...ends.map((end) => end / seconds)];
  const starts = [0, ...ends.slice(0, -1)];
  const at = ends.map((end, i) => (end + (starts[i] ?? 0)) / 2 / seconds);
  const texts = ends.map((end, i) => `${duration(starts[i] ?? 0)} to ${duration(end)}`);
  return plot({
    id: `time-${scenario.name}`,
    label: 'Time',
    atRest: `${duration(seconds)} of load`,
    edges,
    positions: at,
    captions: texts,
    panels: [rates(scenario, ends, starts, edges), latencies(scenario, edges)],
    ticks: timeTicks(seconds),
  });
}

function rates(
  { servers }: ScenarioReport,
  ends: readonly number[],
  starts: readonly number[],
  edges: readonly number[],
): Panel {
  const perSecondOf = (counts: readonly number[]): number[] =>
    counts.map((count, i) => count / ((ends[i] ?? 1) - (starts[i] ?? 0)));
  const due = perSecondOf(servers.penstock.streams[0]?.timeline.due ?? []);
  const good = (kind: ServerKind): number[] => perSecondOf(servers[kind].streams[0]?.timeline.good ?? []);
  const top = roundUp(Math.max(1, ...due));
  const textsOf = (rates: readonly number[]): string[] => rates.map((rate) => perSecond(rate, 'requests'));
  const heights = (rates: readonly number[]): number[] => rates.map((rate) => rate / top);
  return {
    title: 'Requests a second, answered within the deadline',
    series: [
      { mark: 'offered', name: 'due', atRest: '', texts: textsOf(due) },
      ...SERVERS.map((kind) => ({
        mark: MARKS[kind],
        name: NAMES[kind],
        atRest: '',
        texts: textsOf(good(kind)),
      })),
    ],
    ticks: [0.5, 1].map((share) => ({ at: share, text: compact(top * share) })),
    size: 'middle',
    drawing: html`${stepArea('offered', edges, heights(due))}${SERVERS.toReversed().map((kind) => stepLine(MARKS[kind], edges, heights(good(kind))))}`,
  };
}

function latencies({ servers }: ScenarioReport, edges: readonly number[]): Panel {
  const p99 = (kind: ServerKind): readonly number[] => servers[kind].streams[0]?.timeline.p99Ms ?? [];
  const scale = new LogScale(SERVERS.flatMap(p99));
  return {
    title: html`99 of 100 of the requests that were due then waited at most <small>logarithmic</small>`,
    series: SERVERS.map((kind) => ({
      mark: MARKS[kind],
      name: NAMES[kind],
      atRest: '',
      texts: p99(kind).map((ms) => (ms > 0 ? latencyText(ms) : 'none answered')),
    })),
    ticks: scale.ticks,
    size: 'middle',
    drawing: html`${SERVERS.toReversed().map((kind) =>
      stepLine(
        MARKS[kind],
        edges,
        p99(kind).map((ms) => scale.heightOf(ms)),
      ),
    )}`,
  };
}
