import type { BenchReport } from '../bench/types.js';
import { bytes, duration, gained, percentExact, times, whole } from '../util/figures.js';
import { CEILING_OF, ceilings, rate, rowsPerSecond } from './ceilings.js';
import { curve } from './curve.js';
import { figure } from './figure.js';
import { facts } from './head.js';
import { type Html, html } from './html.js';
import { gauge, sharesTable, stackedBar } from './marks.js';
import { sweepTable } from './sweep.js';

/** The figures that a bench opens with. */
export function benchFacts(bench: BenchReport): Html {
  const { pipeline, efficiency, speedup, limitedBy } = bench;
  const key = CEILING_OF[limitedBy];
  const limit = bench.ceilings[key];
  return facts([
    {
      name: 'Pipeline',
      value: rate('pipeline.rowsPerSecond', pipeline.rowsPerSecond),
      note: `median of ${whole(pipeline.rowsPerSecond.runs.length)} runs`,
    },
    {
      name: 'Efficiency',
      value: figure('efficiency', efficiency, percentExact),
      note: 'of the lowest ceiling',
    },
    {
      name: 'Speed-up',
      value: figure('speedup', speedup, times),
      note: 'as fast as point to point',
    },
    ...(limit === null
      ? []
      : [
          {
            name: 'Ceiling',
            value: figure(`ceilings.${key}.rowsPerSecond.median`, limit.rowsPerSecond.median, rowsPerSecond),
            note: `of ${key === 'device' || key === 'sink' ? `the ${key}` : key === 'storage' ? 'storage' : 'the loader'}`,
          },
        ]),
    {
      name: 'Knee',
      value: figure('knee.batchSize', bench.knee.batchSize, whole),
      note: html`rows a batch; this job: ${figure('batchSize', bench.batchSize, whole)}`,
    },
  ]);
}

export function benchSections(bench: BenchReport): Html {
  return html`
<section class="card" aria-labelledby="ceilings"><h2 id="ceilings">What each stage can do by itself</h2>${ceilings(bench)}</section>
<section class="card" aria-labelledby="sizes"><h2 id="sizes">The device over batch sizes</h2>${curve(bench)}</section>
${bench.whatIf.length > 0 && whatIf(bench)}
${bench.sweep !== undefined && sweepTable(bench.sweep)}
<section class="card" aria-labelledby="loop"><h2 id="loop">Point to point</h2>${pointToPoint(bench)}</section>`;
}

function whatIf({ whatIf: changes }: BenchReport): Html {
  const most = Math.max(...changes.map(({ gain }) => gain), 1e-9);
  return html`<section class="card" aria-labelledby="what-if"><h2 id="what-if">What a change would bring</h2>
<p class="note">By the ceilings, for the whole pipeline.</p>
<table class="stacks"><thead><tr><th scope="col">change</th><th scope="col">from → to</th><th scope="col">gain</th><th scope="col">rows/s</th><th scope="col">because</th></tr></thead><tbody>${changes.map(
    ({ change, from, to, gain, rowsPerSecond: speed, because }, i) =>
      html`<tr><th scope="row"><code>${change}</code></th><td data-name="from → to">${from} → ${to}</td><td data-name="gain" class="gain">${figure(`whatIf.${i}.gain`, gain, gained)}${gauge('busy', gain / most)}</td><td data-name="rows/s" class="number">${figure(`whatIf.${i}.rowsPerSecond`, speed, rowsPerSecond)}</td><td data-name="because">${because}</td></tr>`,
  )}</tbody></table></section>`;
}

const LOOP = [
  { key: 'fetch', mark: 'fetch', name: 'fetch', meaning: 'reading from storage' },
  { key: 'prep', mark: 'prep', name: 'prep', meaning: 'decoding and collating' },
  { key: 'run', mark: 'busy', name: 'run', meaning: 'the device at work' },
  { key: 'write', mark: 'blocked', name: 'write', meaning: 'outputs to where they go' },
] as const;

function pointToPoint({ pointToPoint: { rowsPerSecond: speed, shares } }: BenchReport): Html {
  return html`<p class="note">The loop that the pipeline replaces: read, prepare, run, write, one after another in one thread. ${rate('pointToPoint.rowsPerSecond', speed)}.</p>
${stackedBar(LOOP.map(({ key, mark, name }) => ({ mark, name, share: shares[key] })))}
${sharesTable(
  "Where the loop's time went",
  LOOP.map(({ key, ...line }) => ({ ...line, key: `pointToPoint.shares.${key}`, share: shares[key] })),
)}`;
}

/** What the bench ran on, and with. */
export function conditions(bench: BenchReport): Html {
  const { machine, date, quick, seconds, rows, producers, instances, readFrom, fullBatch } = bench;
  return html`<section class="card" aria-labelledby="conditions"><h2 id="conditions">Where and when</h2><dl class="list">
<div><dt>date</dt><dd><time datetime="${date}">${date}</time></dd></div>
<div><dt>processor</dt><dd>${machine.cpu}</dd></div>
<div><dt>cores</dt><dd>${figure('machine.cores', machine.cores, whole)}</dd></div>
<div><dt>memory</dt><dd>${figure('machine.memoryBytes', machine.memoryBytes, bytes)}</dd></div>
<div><dt>Node</dt><dd>${machine.node}</dd></div>
<div><dt>platform</dt><dd>${machine.platform}</dd></div>
<div><dt>producers</dt><dd>${figure('producers', producers, whole)}</dd></div>
<div><dt>instances of the model</dt><dd>${figure('instances', instances, whole)}</dd></div>
<div><dt>rows of a run</dt><dd>${figure('rows', rows, whole)}</dd></div>
${fullBatch !== undefined && html`<div><dt>rows of a full batch</dt><dd>${figure('fullBatch', fullBatch, whole)}</dd></div>`}
${readFrom !== undefined && html`<div><dt>data came from</dt><dd>the ${readFrom}</dd></div>`}
<div><dt>the bench took</dt><dd>${figure('seconds', seconds, duration)}${quick ? ', quick' : ''}</dd></div>
</dl></section>`;
}
