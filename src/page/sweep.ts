import type { Sweep, SweepPoint } from '../bench/types.js';
import { millis, percentExact } from '../util/figures.js';
import { rate } from './ceilings.js';
import { figure } from './figure.js';
import { type Html, html } from './html.js';
import { gauge, LIMITS } from './marks.js';

/** The whole pipeline over values of some keys, as a table. */
export function sweepTable({ keys, points, best }: Sweep): Html {
  const most = Math.max(...points.map(({ rowsPerSecond }) => rowsPerSecond?.median ?? 0), 1e-9);
  return html`<section class="card" aria-labelledby="sweep"><h2 id="sweep">The pipeline over ${keys.map((key, i) => html`${i > 0 && ', '}<code>${key}</code>`)}</h2>
<div class="wide"><table class="stacks sweep"><thead><tr>${keys.map((key) => html`<th scope="col"><code>${key}</code></th>`)}${COLUMNS.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead><tbody>${points.map(
    (point, i) =>
      html`<tr${i === best && html` class="best"`}>${keys.map((key, k) => valueCell(key, k, point, i === best))}${cells(point, i, most)}</tr>`,
  )}</tbody></table></div></section>`;
}

const COLUMNS = ['rows/s', 'p50', 'p99', 'busy', 'starved', 'blocked', 'full', 'limited by'];

/** The first names the row. */
function valueCell(key: string, place: number, { values }: SweepPoint, isBest: boolean): Html {
  const text = textOf(values[key]);
  if (place > 0) return html`<td data-name="${key}">${text}</td>`;
  return html`<th scope="row" data-name="${key}">${text}${isBest && html` <span class="tag">best</span>`}</th>`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

function cells(
  { error, rowsPerSecond, device, fill, bottleneck }: SweepPoint,
  place: number,
  most: number,
): Html {
  const at = `sweep.points.${place}.`;
  if (error !== null || rowsPerSecond === null || device === null) {
    return html`<td colspan="${COLUMNS.length}" data-name="failed">${error ?? 'did not run'}</td>`;
  }
  const share = (name: string, key: string, value: number): Html =>
    html`<td data-name="${name}" class="number">${figure(at + key, value, percentExact)}</td>`;
  return html`<td data-name="rows/s" class="gain">${rate(`${at}rowsPerSecond`, rowsPerSecond)}${gauge('busy', rowsPerSecond.median / most)}</td>
<td data-name="p50" class="number">${figure(`${at}device.runMs.p50`, device.runMs.p50, millis)}</td>
<td data-name="p99" class="number">${figure(`${at}device.runMs.p99`, device.runMs.p99, millis)}</td>
${share('busy', 'device.busy', device.busy)}${share('starved', 'device.starved.total', device.starved.total)}${share('blocked', 'device.blocked', device.blocked)}
${fill === null ? html`<td data-name="full"></td>` : share('full', 'fill', fill)}
<td data-name="limited by">${bottleneck === null ? '' : LIMITS[bottleneck]}</td>`;
}
