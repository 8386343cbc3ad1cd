import { readFileSync } from 'node:fs';
import type { BenchReport } from '../bench/types.js';
import { shardText } from '../dataset/shard.js';
import type { Report } from '../measure/report.js';
import type { StressReport } from '../stress/types.js';
import { counted, duration } from '../util/figures.js';
import { benchFacts, benchSections, conditions } from './bench.js';
import { details } from './details.js';
import { sentence } from './figure.js';
import { flow, times } from './flow.js';
import { masthead, runFacts, simulatedNotice, verdict, warnings } from './head.js';
import { Html, html, jsonScript } from './html.js';
import { ICON } from './icon.js';
import { stoppedPage } from './stopped.js';
import { stressPage } from './stress/stress.js';
import { STYLE } from './style.js';
import { overTime } from './timeline.js';
import type { StoppedRun } from './types.js';

/**
 * A report as a page to look at: one HTML file that needs nothing else and asks no network for anything. The report is
 * in it as JSON, too.
 *
 * @example
 * const html = reportPage(await runJob(await loadJob('job.yaml')));
 */
export function reportPage(document: Report | BenchReport | StressReport | StoppedRun): string {
  const title = 'job' in document ? (document.job ?? 'a job') : document.name;
  const body = bodyOf(document);
  return `<!doctype html>\n${html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="referrer" content="no-referrer">
<title>${title} · Penstock</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
<style>${new Html(STYLE)}</style>
</head>
<body>
<main>${body}${raw}${'fingerprint' in document && fingerprint(document)}</main>
${jsonScript('document', document)}
${['theme', 'main'].map((name) => html`<script type="module">${new Html(script(name))}</script>`)}
</body>
</html>`}\n`;
}

function bodyOf(document: Report | BenchReport | StressReport | StoppedRun): Html {
  if ('scenarios' in document) return stressPage(document);
  if ('ceilings' in document) return benchPage(document);
  return 'error' in document ? stoppedPage(document) : runPage(document);
}

/** Nothing is loaded from anywhere. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

function runPage(report: Report): Html {
  const ran = report.batches.count > 0;
  const { rows, seconds, shard } = report;
  const part = shard === undefined ? '' : `Shard ${shardText(shard)}. `;
  return html`
${masthead({
  kind: 'report',
  job: report.job,
  status: report.status,
  note: ran
    ? `${part}${counted(rows.read, 'row')} in ${duration(seconds)}`
    : `${part}Nothing was left to do in ${counted(rows.resumed + rows.read, 'row')}${rows.resumed > 0 ? ': an earlier run of this job has done them all' : ''}.`,
})}
${simulatedNotice(report)}
${ran && verdict(report.bottleneck, report.advice)}
${runFacts(report)}
${warnings(report.warnings)}
${ran && runSections(report, '')}`;
}

/** What there is to see of a run. `prefix`: where its report stands in the document. */
function runSections(report: Report, prefix: string): Html {
  const { timeline } = report;
  return html`
<section aria-labelledby="flow"><h2 id="flow">Where the ${report.devices.length > 1 ? "devices'" : "device's"} time went</h2>${flow(report, prefix)}${times(report, prefix)}</section>
${
  timeline !== undefined &&
  timeline.seconds.length > 0 &&
  html`<section class="card" aria-labelledby="time"><h2 id="time">Over time</h2>${overTime(report, timeline, prefix)}</section>`
}
<section aria-labelledby="details"><h2 id="details">In detail</h2>${details(report, prefix)}</section>`;
}

function benchPage(bench: BenchReport): Html {
  const { pipeline, quick, seconds } = bench;
  return html`
${masthead({
  kind: 'bench',
  job: bench.job,
  status: bench.status,
  note: html`${bench.machine.cpu}, <time datetime="${bench.date}">${bench.date.slice(0, 10)}</time>, in ${sentence(duration(seconds))}${quick ? ', quick: the spread is wider than that of a full bench' : ''}`,
})}
${simulatedNotice(pipeline.report)}
${verdict(bench.limitedBy, bench.advice)}
${benchFacts(bench)}
${warnings([...new Set([...bench.warnings, ...pipeline.report.warnings])])}
${benchSections(bench)}
<h2 class="part">The median run of the pipeline</h2>
${runSections(pipeline.report, 'pipeline.report.')}
${conditions(bench)}`;
}

const raw = html`<section class="card raw"><details id="raw"><summary>The report as JSON</summary><pre tabindex="0" aria-label="The report as JSON"></pre></details><p><span id="copied" role="status"></span><button type="button" id="copy">Copy</button></p></section>`;

/** Tells one job and its data from others. */
const fingerprint = (report: Report): Html =>
  html`<footer>Fingerprint of the job and its data: <code>${report.fingerprint}</code></footer>`;

/** What runs in the browser (of client/), as it was compiled. */
function script(name: string): string {
  return readFileSync(new URL(`./client/${name}.js`, import.meta.url), 'utf8');
}
