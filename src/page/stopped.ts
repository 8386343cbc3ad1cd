import type { Progress } from '../measure/progress.js';
import { duration, percentExact, perSecond, whole } from '../util/figures.js';
import { figure } from './figure.js';
import { facts, masthead } from './head.js';
import { type Html, html } from './html.js';
import { deviceShares } from './marks.js';
import { warningSign } from './signs.js';
import { untilStopped } from './timeline.js';
import type { StoppedRun } from './types.js';

/** What stopped a run, and how far it came. */
export function stoppedPage(run: StoppedRun): Html {
  const { job, status, error, progress, timeline } = run;
  const lines = error.message.split('\n');
  return html`
${masthead({ kind: 'report', job: job ?? 'a job', status, note: status === 'interrupted' ? 'Stopped before it was done.' : 'It did not come to its end.' })}
<section class="stop ${status}" aria-label="What happened">${warningSign}<div>${lines.map((text) => html`<p>${text}</p>`)}${error.hint !== null && html`<p class="hint">${error.hint}</p>`}<p><code>${error.code}</code></p></div></section>
${
  progress !== undefined &&
  html`${facts([
    {
      name: 'Rows',
      value: figure('progress.rows', progress.rows, whole),
      note: 'through the model',
    },
    {
      name: 'Splits',
      value: figure('progress.splits', progress.splits, whole),
      note: html`of ${figure('progress.totalSplits', progress.totalSplits, whole)} written`,
    },
    {
      name: 'Throughput',
      value: figure('progress.rowsPerSecond', progress.rowsPerSecond, (rate) => perSecond(rate, 'rows')),
    },
    {
      name: progress.devices.length > 1 ? 'Devices busy' : 'Device busy',
      value: figure('progress.busy', progress.busy, percentExact),
    },
    { name: 'Time', value: figure('progress.elapsedSeconds', progress.elapsedSeconds, duration) },
  ])}
${timeSoFar(progress)}`
}
${
  timeline !== undefined &&
  timeline.seconds.length > 0 &&
  html`<section class="card" aria-labelledby="time"><h2 id="time">Over time, until then</h2>${untilStopped(run, timeline)}</section>`
}`;
}

/** Of all devices together, and of several each by itself. */
function timeSoFar(progress: Progress): Html {
  const { devices } = progress;
  const several = devices.length > 1;
  return html`<section class="card" aria-labelledby="so-far"><h2 id="so-far">Where the ${several ? "devices'" : "device's"} time went, until then</h2>
${deviceShares("Where the device's time went", progress, 'progress.')}</section>
${
  several &&
  html`<div class="columns">${devices.map(
    (device, i) =>
      html`<section class="card"><h2>${device.id}</h2>${deviceShares(`Where the time of ${device.id} went`, device, `progress.devices.${i}.`)}</section>`,
  )}</div>`
}`;
}
