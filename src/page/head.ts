import type { Bottleneck, DeviceReport, Report } from '../measure/report.js';
import { bytes, duration, percentExact, perSecond, whole } from '../util/figures.js';
import { figure } from './figure.js';
import { type Html, html } from './html.js';
import { LIMITS, meanShares } from './marks.js';
import { warningSign } from './signs.js';

/** A number that the page opens with. */
export interface Fact {
  readonly name: string;
  readonly value: Html;
  readonly note?: Html | string;
}

export function facts(list: readonly Fact[]): Html {
  return html`<dl class="facts">${list.map(
    ({ name, value, note }) =>
      html`<div><dt>${name}</dt><dd>${value}${note === undefined ? '' : html`<small>${note}</small>`}</dd></div>`,
  )}</dl>`;
}

export interface Masthead {
  readonly kind: string;
  readonly job: string;
  readonly status: string;
  readonly note: Html | string;
}

export function masthead({ kind, job, status, note }: Masthead): Html {
  return html`<header class="masthead">
<p class="kind">Penstock ${kind}</p>
<h1>${job} <span class="status ${status}">${status}</span></h1>
<p class="note">${note}</p>
<button type="button" id="theme" class="quiet" aria-label="Dark colours"><span aria-hidden="true">◐</span></button>
</header>`;
}

/** What limits, and what to do about it. */
export function verdict(limit: Bottleneck, advice: string): Html {
  return html`<section class="verdict" aria-label="Verdict"><p class="limit">Limited by <strong>${LIMITS[limit]}</strong> <code>${limit}</code></p><p>${advice}</p></section>`;
}

/** Times of a simulated device must not be taken for those of a real one. */
export function simulatedNotice({ devices }: Report): Html | undefined {
  const ids = devices.filter(({ simulated }) => simulated).map(({ id }) => id);
  if (ids.length === 0) return undefined;
  const one = ids.length === 1;
  return html`<p class="notice" role="note">${warningSign} <span><strong>Simulated ${one ? 'device' : 'devices'}: ${ids.join(', ')}.</strong> ${one ? 'Its' : 'Their'} times are made up, not measured.</span></p>`;
}

export function warnings(list: readonly string[]): Html | undefined {
  if (list.length === 0) return undefined;
  return html`<section class="warnings" aria-labelledby="warnings"><h2 id="warnings">${list.length === 1 ? 'Warning' : 'Warnings'}</h2><ul>${list.map((warning) => html`<li>${warningSign} <span>${warning}</span></li>`)}</ul></section>`;
}

/** How busy the device is; of several, all of them together. */
function busyFact(devices: readonly DeviceReport[]): Fact {
  const [device] = devices;
  if (device === undefined || devices.length > 1) {
    const { busy } = meanShares(devices);
    const value = html`<data value="${busy}">${percentExact(busy)}</data>`;
    return { name: 'Devices busy', value, note: `${devices.length} of them together` };
  }
  return {
    name: 'Device busy',
    value: figure('devices.0.busy', device.busy, percentExact),
    note: device.id,
  };
}

/** The figures that a run opens with. */
export function runFacts(report: Report): Html {
  const { throughput, rows, seconds, devices, batches, memory } = report;
  const rest = rows.resumed > 0 ? `, ${whole(rows.resumed)} kept from before` : '';
  return facts([
    {
      name: 'Throughput',
      value: figure('throughput.rowsPerSecond', throughput.rowsPerSecond, (rate) => perSecond(rate, 'rows')),
      note: html`${figure('throughput.inputBytesPerSecond', throughput.inputBytesPerSecond, (rate) => `${bytes(rate)}/s`)} of tensors`,
    },
    {
      name: 'Rows',
      value: figure('rows.read', rows.read, whole),
      note: html`${figure('rows.written', rows.written, whole)} written${rest}`,
    },
    {
      name: 'Time',
      value: figure('seconds', seconds, duration),
      note: html`${figure('startupSeconds', report.startupSeconds, duration)} to the first batch`,
    },
    ...(batches.count === 0 ? [] : [busyFact(devices)]),
    {
      name: 'Memory',
      value: figure('memory.peakRssBytes', memory.peakRssBytes, bytes),
      note: html`at its peak; ${figure('memory.ringBytes', memory.ringBytes, bytes)} of it the ring`,
    },
  ]);
}
