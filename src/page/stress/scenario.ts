import type { ScenarioReport } from '../../stress/types.js';
import { percentExact, perSecond, whole } from '../../util/figures.js';
import { figure } from '../figure.js';
import { type Html, html } from '../html.js';
import { stackedBar, swatch } from '../marks.js';
import { curvePlot } from './curve-plot.js';
import { FATES, fatesOf, MARKS, NAMES, SERVERS } from './names.js';
import { timePlot } from './time-plot.js';

/** A scenario: what became of the requests of both servers, and what happened when. `place`: its place in the document. */
export function scenarioCard(scenario: ScenarioReport, place: number): Html {
  const { name, title, what, load } = scenario;
  return html`<section class="card scenario" aria-labelledby="s-${name}"><h2 id="s-${name}">${capital(title)}</h2>
<p class="note">${what}</p>
<div class="fates">${SERVERS.map((kind) => fates(scenario, place, kind))}</div>
${load === null ? timePlot(scenario) : html`<details class="more"><summary>What happened when</summary>${timePlot(scenario)}</details>`}
${name === 'steady-80' && html`<h3 class="sub">Who waits how long</h3>${curvePlot(scenario)}`}
</section>`;
}

function fates(scenario: ScenarioReport, place: number, kind: (typeof SERVERS)[number]): Html {
  const counts = fatesOf(scenario, kind);
  const all = Math.max(
    1,
    FATES.reduce((sum, { key }) => sum + counts[key], 0),
  );
  const { job } = scenario.servers[kind];
  const shares = FATES.map(({ key, name, mark }) => ({ mark, name, share: counts[key] / all }));
  return html`<div><h3>${swatch(MARKS[kind])}${NAMES[kind]}</h3>${stackedBar(shares)}
<ul class="keys">${FATES.filter(({ key }) => counts[key] > 0).map(
    ({ key, name, mark, meaning }) =>
      html`<li title="${meaning}">${swatch(mark)}${name} <output>${percentExact(counts[key] / all)}</output></li>`,
  )}<li>of ${whole(all)} requests</li>${job !== null && html`<li>the job: ${figure(`scenarios.${place}.servers.${kind}.job.rowsPerSecond`, job.rowsPerSecond, (rate) => perSecond(rate, 'rows'))}</li>`}</ul></div>`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
