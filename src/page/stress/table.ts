import type { Outcome, ScenarioReport, StreamOutcome, StressReport } from '../../stress/types.js';
import { millis, percentExact, perSecond, whole } from '../../util/figures.js';
import { figure } from '../figure.js';
import { type Html, html } from '../html.js';
import { swatch } from '../marks.js';
import { MARKS, NAMES, SERVERS } from './names.js';

const COLUMNS = [
  'offered',
  'in time',
  'of all',
  'p50',
  'p99',
  'p99.9',
  'refused',
  'within',
  'busy',
  'starved',
];

/** All of it, a row for each stream of each server. */
export function stressTable({ scenarios }: StressReport): Html {
  return html`<div class="wide"><table class="stacks sweep stress"><thead><tr><th scope="col">scenario</th><th scope="col">server</th>${COLUMNS.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead><tbody>${scenarios.map((scenario, i) => rows(scenario, `scenarios.${i}.servers.`))}</tbody></table></div>`;
}

function rows({ title, servers }: ScenarioReport, path: string): Html {
  return html`${SERVERS.map((kind) =>
    servers[kind].streams.map(
      (stream, i) =>
        html`<tr><th scope="row" data-name="">${title}${servers[kind].streams.length > 1 && html` <small>${stream.name}</small>`}</th><td data-name="server"><span>${swatch(MARKS[kind])}${NAMES[kind]}</span></td>${cells(stream, servers[kind], `${path}${kind}.`, i)}</tr>`,
    ),
  )}`;
}

function cells(stream: StreamOutcome, { devices }: Outcome, path: string, i: number): Html {
  const at = `${path}streams.${i}.`;
  const cell = (name: string, value: Html): Html =>
    html`<td data-name="${name}" class="number">${value}</td>`;
  const device = devices.reduce((most, one, j) => (one.busy > (devices[most]?.busy ?? 0) ? j : most), 0);
  const refused = Object.entries(stream.refused);
  return html`${cell('offered', figure(`${at}offeredPerSecond`, stream.offeredPerSecond, requests))}
${cell('in time', figure(`${at}goodputPerSecond`, stream.goodputPerSecond, requests))}
${cell('of all', figure(`${at}goodShare`, stream.goodShare, percentExact))}
${cell('p50', figure(`${at}latencyMs.p50`, stream.latencyMs.p50, millis))}
${cell('p99', figure(`${at}latencyMs.p99`, stream.latencyMs.p99, millis))}
${cell('p99.9', figure(`${at}latencyMs.p999`, stream.latencyMs.p999, millis))}
${cell('refused', refused.length === 0 ? html`–` : html`${refused.map(([status, count], j) => html`${j > 0 && ', '}${figure(`${at}refused.${status}`, count, whole)} <small>${status}</small>`)}`)}
${cell('within', stream.refusalMs === null ? html`–` : figure(`${at}refusalMs.p99`, stream.refusalMs.p99, millis))}
${device in devices ? html`${cell('busy', figure(`${path}devices.${device}.busy`, devices[device]?.busy ?? 0, percentExact))}${cell('starved', figure(`${path}devices.${device}.starved.total`, devices[device]?.starved.total ?? 0, percentExact))}` : html`<td></td><td></td>`}`;
}

const requests = (value: number): string => perSecond(value, '').replace(' /s', '/s');
