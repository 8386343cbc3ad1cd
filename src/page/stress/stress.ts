import type { StressReport } from '../../stress/types.js';
import { bytes, duration, millis, percentExact, perSecond, times, whole } from '../../util/figures.js';
import { figure, sentence } from '../figure.js';
import { type Fact, facts, masthead, warnings } from '../head.js';
import { type Html, html } from '../html.js';
import { stackedBar, swatch } from '../marks.js';
import { warningSign } from '../signs.js';
import { loadPlot } from './load-plot.js';
import { FATES, MARKS, NAMES, SERVERS } from './names.js';
import { scenarioCard } from './scenario.js';
import { stressTable } from './table.js';

const requests = (rate: number): string => perSecond(rate, 'requests');

/** A stress test as a page. */
export function stressPage(report: StressReport): Html {
  const { name, status, machine, date, seconds, quick, findings, scenarios } = report;
  const [first, ...others] = findings;
  const load = loadPlot(report);
  return html`
${masthead({
  kind: 'stress test',
  job: name,
  status,
  note: html`${machine.cpu}, <time datetime="${date}">${date.slice(0, 10)}</time>, in ${sentence(duration(seconds))}${quick ? ', quick: what is rare was not seen' : ''}`,
})}
${simulated(report)}
<section class="verdict" aria-label="Verdict"><p class="limit">${sentence(first ?? '')}</p></section>
${stressFacts(report)}
${others.length > 0 && html`<section class="card" aria-labelledby="findings"><h2 id="findings">What it means</h2><ul class="findings">${others.map((finding) => html`<li>${sentence(finding)}</li>`)}</ul></section>`}
${warnings(report.warnings)}
<section class="card" aria-labelledby="capacity"><h2 id="capacity">With as much as they can take</h2>${capacity(report)}</section>
${load !== undefined && html`<section class="card" aria-labelledby="over-load"><h2 id="over-load">Latency and goodput over load</h2>${load}</section>`}
${
  scenarios.length > 0 &&
  html`<h2 class="part">Scenario by scenario</h2>
<p class="note">Bars: what became of the requests. ${FATES.map(({ mark, name: fate, meaning }) => html`<span class="fate">${swatch(mark)}${fate}: ${meaning}.</span> `)}</p>
${scenarios.map(scenarioCard)}
<section class="card" aria-labelledby="table"><h2 id="table">All of it in figures</h2>${stressTable(report)}</section>`
}
${conditions(report)}`;
}

function simulated({ capacity }: StressReport): Html | undefined {
  const ids = capacity.penstock.devices.filter((device) => device.simulated).map(({ id }) => id);
  if (ids.length === 0) return undefined;
  return html`<p class="notice" role="note">${warningSign} <span><strong>Simulated ${ids.length === 1 ? 'device' : 'devices'}: ${ids.join(', ')}.</strong> What a batch takes there is made up, not measured.</span></p>`;
}

/** The figures that it opens with. */
function stressFacts({ capacity, scenarios }: StressReport): Html {
  const find = (name: string): number => scenarios.findIndex((scenario) => scenario.name === name);
  const of = (name: string, fact: (place: number) => Fact | undefined): Fact[] => {
    const place = find(name);
    const made = place < 0 ? undefined : fact(place);
    return made === undefined ? [] : [made];
  };
  return facts([
    {
      name: 'Penstock answers',
      value: figure('capacity.penstock.requestsPerSecond', capacity.penstock.requestsPerSecond, requests),
      note: 'at the most',
    },
    {
      name: 'Point to point',
      value: figure(
        'capacity.pointToPoint.requestsPerSecond',
        capacity.pointToPoint.requestsPerSecond,
        requests,
      ),
      note: 'one request, one run',
    },
    { name: 'That is', value: figure('capacity.ratio', capacity.ratio, times), note: 'as many' },
    ...of('steady-80', (place) => {
      const stream = scenarios[place]?.servers.penstock.streams[0];
      return (
        stream && {
          name: 'p99 at 80 %',
          value: figure(
            `scenarios.${place}.servers.penstock.streams.0.latencyMs.p99`,
            stream.latencyMs.p99,
            millis,
          ),
          note: 'of what it can answer',
        }
      );
    }),
    ...of('overload', (place) => {
      const stream = scenarios[place]?.servers.penstock.streams[0];
      return (
        stream && {
          name: 'Goodput at 200 %',
          value: figure(
            `scenarios.${place}.servers.penstock.streams.0.goodputPerSecond`,
            stream.goodputPerSecond,
            requests,
          ),
          note: 'within the deadline',
        }
      );
    }),
  ]);
}

function capacity({ capacity: measured, endpoint }: StressReport): Html {
  const most = Math.max(...SERVERS.map((kind) => measured[kind].requestsPerSecond), 1e-9);
  return html`<p class="note">Many clients at once, each of which sends its next request when the one before is answered; requests of ${figure('endpoint.rows', endpoint.rows, whole)} row${endpoint.rows === 1 ? '' : 's'} to <code>${endpoint.name}</code>${endpoint.deadlineMs === null ? ', without a deadline' : html`, to be answered within ${figure('endpoint.deadlineMs', endpoint.deadlineMs, millis)}`}. The load of scenarios is a share of what Penstock does here.</p>
<div class="fates">${SERVERS.map((kind) => {
    const {
      requestsPerSecond,
      rowsPerSecond,
      clients,
      latencyMs,
      devices,
      meanBatchRows,
      generatorUtilization,
    } = measured[kind];
    const path = `capacity.${kind}.`;
    return html`<div><h3>${swatch(MARKS[kind])}${NAMES[kind]}: ${figure(`${path}requestsPerSecond`, requestsPerSecond, requests)}</h3>
${stackedBar([{ mark: MARKS[kind], name: NAMES[kind], share: requestsPerSecond / most }])}
<dl class="list"><div><dt>rows</dt><dd>${figure(`${path}rowsPerSecond`, rowsPerSecond, (rate) => perSecond(rate, 'rows'))}</dd></div>
<div><dt>clients</dt><dd>${figure(`${path}clients`, clients, whole)}</dd></div>
${meanBatchRows !== null && html`<div><dt>rows in a batch, on average</dt><dd>${figure(`${path}meanBatchRows`, meanBatchRows, (rows) => rows.toFixed(1))}</dd></div>`}
<div><dt>half of them within</dt><dd>${figure(`${path}latencyMs.p50`, latencyMs.p50, millis)}</dd></div>
<div><dt>99 of 100 within</dt><dd>${figure(`${path}latencyMs.p99`, latencyMs.p99, millis)}</dd></div>
${devices.map((device, i) => html`<div><dt>${device.id} busy</dt><dd>${figure(`${path}devices.${i}.busy`, device.busy, percentExact)}</dd></div>`)}
<div><dt>the load generator busy</dt><dd>${figure(`${path}generatorUtilization`, generatorUtilization, percentExact)}</dd></div></dl></div>`;
  })}</div>`;
}

/** What it ran on, and with. */
function conditions(report: StressReport): Html {
  const { machine, date, seconds, scenarioSeconds, seed, quick, endpoint, leftOut } = report;
  return html`<section class="card" aria-labelledby="conditions"><h2 id="conditions">Where, when, and what was left out</h2><dl class="list">
<div><dt>date</dt><dd><time datetime="${date}">${date}</time></dd></div>
<div><dt>processor</dt><dd>${machine.cpu}</dd></div>
<div><dt>cores, which servers and load generator share</dt><dd>${figure('machine.cores', machine.cores, whole)}</dd></div>
<div><dt>memory</dt><dd>${figure('machine.memoryBytes', machine.memoryBytes, bytes)}</dd></div>
<div><dt>Node</dt><dd>${machine.node}</dd></div>
<div><dt>platform</dt><dd>${machine.platform}</dd></div>
<div><dt>model</dt><dd>${endpoint.model}</dd></div>
<div><dt>load of each scenario</dt><dd>${figure('scenarioSeconds', scenarioSeconds, duration)}${quick ? ', quick' : ''}</dd></div>
<div><dt>all of it</dt><dd>${figure('seconds', seconds, duration)}</dd></div>
<div><dt>seed</dt><dd>${figure('seed', seed, whole)}</dd></div>
${leftOut.map(({ name, why }) => html`<div><dt>left out: ${name}</dt><dd class="why">${why}</dd></div>`)}
</dl></section>`;
}
