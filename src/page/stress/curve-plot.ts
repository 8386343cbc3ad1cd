import type { ScenarioReport, ServerKind } from '../../stress/types.js';
import { type Html, html } from '../html.js';
import { plot } from '../plot.js';
import { lines } from './load-plot.js';
import { MARKS, NAMES, SERVERS } from './names.js';
import { LogScale, latencyText } from './scale.js';

/** Shares that are shown: what is rare gets as much room as what is not, as HdrHistogram's plots have it. */
const SHOWN = [0, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999];
const MARGIN = 0.03;

/** What so many of the requests wait at most. */
export function curvePlot(scenario: ScenarioReport): Html | undefined {
  const curveOf = (kind: ServerKind) => scenario.servers[kind].streams[0]?.curve ?? [];
  if (SERVERS.some((kind) => curveOf(kind).length === 0)) return undefined;
  const msOf = (kind: ServerKind, share: number): number =>
    curveOf(kind).find((point) => point.share === share)?.ms ?? 0;
  // Beyond what so many requests can tell, all shares are that of the slowest.
  const { due } = scenario.servers.penstock.streams[0] ?? { due: 0 };
  const shares = SHOWN.filter((share) => share === 0 || due * (1 - share) >= 1);
  const nines = shares.map((share) => -Math.log10(1 - share));
  const most = Math.max(...nines, 1e-9);
  const at = nines.map((nine) => MARGIN + (nine / most) * (1 - 2 * MARGIN));
  const scale = new LogScale(SERVERS.flatMap((kind) => shares.map((share) => msOf(kind, share))));
  return plot({
    id: `curve-${scenario.name}`,
    label: 'Share of requests',
    atRest: 'Share of requests, the slowest to the right',
    edges: [0, ...at.slice(1).map((x, i) => (x + (at[i] as number)) / 2), 1],
    positions: at,
    captions: shares.map((share) =>
      share === 0 ? 'The fastest request' : `${shareText(share)} of the requests`,
    ),
    panels: [
      {
        title: html`are answered within <small>logarithmic</small>`,
        series: SERVERS.map((kind) => ({
          mark: MARKS[kind],
          name: NAMES[kind],
          atRest: '',
          texts: shares.map((share) => latencyText(msOf(kind, share))),
        })),
        ticks: scale.ticks,
        size: 'tall',
        drawing: lines(at, (kind) => shares.map((share) => scale.heightOf(msOf(kind, share)))),
      },
    ],
    ticks: shares.flatMap((share, i) =>
      [0.5, 0.9, 0.99, 0.999, 0.9999].includes(share) ? [{ at: at[i] ?? 0, text: shareText(share) }] : [],
    ),
  });
}

function shareText(share: number): string {
  return `${Math.round(share * 1e6) / 1e4} %`;
}
