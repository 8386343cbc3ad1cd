import type { Bottleneck, DeviceReport, Report } from '../measure/report.js';
import { bytes, counted, millis, percentExact, perSecond, whole } from '../util/figures.js';
import { figure } from './figure.js';
import { type Html, html } from './html.js';
import {
  deviceShares,
  gauge,
  HEADINGS,
  meanShares,
  PRODUCER_STATES,
  sharesTable,
  stackedBar,
} from './marks.js';

/** A room of the pipeline, as it is drawn. */
interface Stage {
  readonly name: string;
  /** The heading of the device's time that it answers for. */
  readonly mark: 'busy' | 'fetch' | 'prep' | 'batching' | 'blocked';
  readonly limits: Bottleneck;
  /** What the device did, or waited for, in that share of its time. */
  readonly what: string;
  readonly facts: readonly Html[];
}

/**
 * The pipeline from storage to sink. Each stage says for how much of the device's time it answers: that the device
 * waited for it, or, its own, that it ran. Together that is all of it. `prefix`: where the report stands in the document.
 */
export function flow(report: Report, prefix: string): Html {
  const shares = meanShares(report.devices);
  return html`<ol class="flow">${stages(report, prefix).map(({ name, mark, limits, what, facts }) => {
    const heading = HEADINGS.find(({ key }) => key === mark);
    const share = heading?.share(shares) ?? 0;
    const limiting = limits === report.bottleneck;
    return html`<li class="stage${limiting ? ' limiting' : ''}" data-stage="${mark}">
<h3>${name}${limiting ? html` <span class="tag">limits</span>` : ''}</h3>
<p class="share"><data value="${share}" data-share="${mark}">${percentExact(share)}</data></p>
<p class="what">${what}</p>
${gauge(mark, share)}
<ul>${facts.map((fact) => html`<li>${fact}</li>`)}</ul>
</li>`;
  })}</ol>
<p class="backpressure">Free slots flow back: producers waited for one ${figure(`${prefix}producers.blocked`, report.producers.blocked, percentExact)} of their time</p>`;
}

function stages(report: Report, prefix: string): Stage[] {
  const { producers, throughput, batches, memory, devices, rows } = report;
  const of = (key: 'decode' | 'transform' | 'collate'): Html =>
    html`${key} ${figure(`${prefix}producers.${key}`, producers[key], percentExact)}`;
  return [
    {
      name: 'Storage',
      mark: 'fetch',
      limits: 'fetch',
      what: 'waiting for reads',
      facts: [
        html`${figure(`${prefix}rows.read`, rows.read, whole)} rows read`,
        html`${figure(`${prefix}producers.fetch`, producers.fetch, percentExact)} of the producers' time`,
      ],
    },
    {
      name: 'Prepare',
      mark: 'prep',
      limits: 'prep',
      what: 'waiting for rows to be made',
      facts: [
        html`${figure(`${prefix}producers.count`, producers.count, (count) => counted(count, 'producer'))}`,
        html`${of('decode')}, ${of('transform')}, ${of('collate')} of their time`,
      ],
    },
    {
      name: 'Ring',
      mark: 'batching',
      limits: 'batching',
      what: 'waiting for batches to fill',
      facts: [
        html`${figure(`${prefix}memory.ringBytes`, memory.ringBytes, bytes)} of slots`,
        html`batches ${figure(`${prefix}batches.fill`, batches.fill, percentExact)} full`,
      ],
    },
    {
      name: devices.length > 1 ? `${devices.length} devices` : 'Device',
      mark: 'busy',
      limits: 'device',
      what: 'running batches',
      facts: [...devices.map((device, i) => deviceFact(device, `${prefix}devices.${i}.`))],
    },
    {
      name: 'Sink',
      mark: 'blocked',
      limits: 'sink',
      what: 'waiting for outputs to be written',
      facts: [
        html`${figure(`${prefix}rows.written`, rows.written, whole)} rows written`,
        html`${figure(`${prefix}throughput.rowsPerSecond`, throughput.rowsPerSecond, (rate) => perSecond(rate, 'rows'))}`,
      ],
    },
  ];
}

function deviceFact({ id, runMs }: DeviceReport, prefix: string): Html {
  return html`<b>${id}</b>: ${figure(`${prefix}runMs.p50`, runMs.p50, millis)} a batch`;
}

/** The same time as bars: of each device, and of the producers. */
export function times({ devices, producers }: Report, prefix: string): Html {
  return html`<div class="columns">
${devices.map((device, i) => deviceTimes(device, `${prefix}devices.${i}.`))}
<section class="card"><h3>${counted(producers.count, 'producer')}</h3>
${stackedBar(PRODUCER_STATES.map(({ key, name, mark }) => ({ mark, name, share: producers[key] })))}
${sharesTable(
  "Where the producers' time went",
  PRODUCER_STATES.map(({ key, ...state }) => ({
    ...state,
    key: `${prefix}producers.${key}`,
    share: producers[key],
  })),
)}</section>
</div>`;
}

function deviceTimes(device: DeviceReport, prefix: string): Html {
  const { id, runtime, provider, simulated, instances, isolation } = device;
  const engine = simulated ? 'simulated' : `${runtime} on ${provider}`;
  return html`<section class="card"><h3>${id} <small>${engine}, ${figure(`${prefix}instances`, instances, (count) => counted(count, 'instance'))}${isolation === 'process' && (instances === 1 ? ' in a process of its own' : ' in processes of their own')}</small></h3>
${deviceShares(`Where the time of ${id} went`, device, prefix)}</section>`;
}
