import type { BenchReport, Ceiling, Rate } from '../bench/types.js';
import type { Bottleneck } from '../measure/report.js';
import { bytes, perSecond, times } from '../util/figures.js';
import { figure, percentOf } from './figure.js';
import { type Html, html } from './html.js';

/** Bars end here, so many times the slowest ceiling: what is far from limiting must not flatten what limits. */
const FARTHEST = 4;

interface Bar {
  readonly key: string;
  readonly name: string;
  readonly meaning: string;
  readonly mark: string;
  readonly ceiling: Ceiling;
}

/** What each stage can do by itself, with the pipeline and the point-to-point loop marked across all of them. */
export function ceilings({ ceilings, pipeline, pointToPoint }: BenchReport): Html {
  const { storage, loader, device, sink } = ceilings;
  const bars: Bar[] = [
    { key: 'storage', name: 'Storage', meaning: 'reads alone', mark: 'fetch', ceiling: storage },
    { key: 'loader', name: 'Loader', meaning: 'read and prepare', mark: 'prep', ceiling: loader },
    { key: 'device', name: 'Device', meaning: 'one hot slot', mark: 'busy', ceiling: device },
    ...(sink === null
      ? []
      : [{ key: 'sink', name: 'Sink', meaning: 'writes alone', mark: 'blocked', ceiling: sink }]),
  ];
  const lowest = Math.min(...bars.map(({ ceiling }) => ceiling.rowsPerSecond.median));
  const reach = Math.max(...bars.map(({ ceiling }) => ceiling.rowsPerSecond.max), pipeline.rowsPerSecond.max);
  const end = Math.min(reach, FARTHEST * lowest) * 1.04;
  const marker = (name: string, className: string, { median }: Rate): Html =>
    html`<i class="marker ${className}" style="left:${percentOf(Math.min(1, median / end))}" title="${name} ${rowsPerSecond(median)}"></i>`;
  return html`<div class="ceilings">
<ul class="keys"><li><i class="swatch line-pipeline"></i>pipeline ${rate('pipeline.rowsPerSecond', pipeline.rowsPerSecond)}</li><li><i class="swatch line-loop"></i>point to point ${rate('pointToPoint.rowsPerSecond', pointToPoint.rowsPerSecond)}</li><li><i class="swatch whisker"></i>slowest to fastest run</li></ul>
<ol>${bars.map(
    (bar) => html`<li class="ceiling${bar.ceiling.rowsPerSecond.median === lowest ? ' lowest' : ''}">
<p class="name"><b>${bar.name}</b>${bar.ceiling.rowsPerSecond.median === lowest ? html` <span class="tag">lowest</span>` : ''} <small>${bar.meaning}</small></p>
<div class="track" aria-hidden="true">${barOf(bar, end, lowest)}${marker('pipeline', 'line-pipeline', pipeline.rowsPerSecond)}${marker('point to point', 'line-loop', pointToPoint.rowsPerSecond)}</div>
<p class="number">${rate(`ceilings.${bar.key}.rowsPerSecond`, bar.ceiling.rowsPerSecond)} <small>${figure(`ceilings.${bar.key}.bytesPerSecond`, bar.ceiling.bytesPerSecond, (value) => `${bytes(value)}/s`)}</small></p>
</li>`,
  )}</ol>
</div>`;
}

function barOf({ mark, ceiling }: Bar, end: number, lowest: number): Html {
  const { median, min, max } = ceiling.rowsPerSecond;
  if (median > end) {
    return html`<i class="fill-${mark} torn" style="width:100%"></i><span class="beyond">${times(median / lowest)} the lowest</span>`;
  }
  const from = Math.min(1, min / end);
  const to = Math.min(1, max / end);
  return html`<i class="fill-${mark}" style="width:${percentOf(median / end)}"></i><b class="whisker" style="left:${percentOf(from)};width:${percentOf(to - from)}"></b>`;
}

/** The median, with the spread on hover. */
export function rate(key: string, { median, min, max, runs }: Rate): Html {
  const spread = `${runs.length} runs, ${rowsPerSecond(min)} to ${rowsPerSecond(max)}`;
  return html`<span title="${spread}">${figure(`${key}.median`, median, rowsPerSecond)}</span>`;
}

export const rowsPerSecond = (value: number): string => perSecond(value, 'rows');

/** Which ceiling a bottleneck is about. */
export const CEILING_OF: Readonly<Record<Bottleneck, keyof BenchReport['ceilings']>> = {
  device: 'device',
  fetch: 'storage',
  prep: 'loader',
  batching: 'loader',
  sink: 'sink',
};
