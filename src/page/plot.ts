import type { Tick } from './axis.js';
import { percentOf } from './figure.js';
import { type Html, html, jsonScript } from './html.js';
import { swatch } from './marks.js';

/** One row of numbers in a panel. */
export interface Series {
  readonly mark: string;
  readonly name: string;
  /** What is shown while nothing is pointed at; HTML, since it may be a figure of the document. */
  readonly atRest: Html | string;
  /** What is shown at each place. */
  readonly texts: readonly string[];
}

export interface Panel {
  readonly title: Html | string;
  readonly series: readonly Series[];
  /** Marks of the vertical axis, by height. */
  readonly ticks: readonly Tick[];
  readonly size: 'tall' | 'middle' | 'low';
  readonly drawing: Html;
}

/** Panels one below the other over one horizontal axis, on which a place can be pointed at. */
export interface Plot {
  readonly id: string;
  /** What the horizontal axis is, for those who can't see it. */
  readonly label: string;
  /** What is said of the axis while nothing is pointed at. */
  readonly atRest: string;
  /** Places to point at: whatever lies between two edges (shares of the axis) is the place between them. */
  readonly edges: readonly number[];
  /** Where the line stands. */
  readonly positions: readonly number[];
  readonly captions: readonly string[];
  readonly panels: readonly Panel[];
  readonly ticks: readonly Tick[];
}

export function plot({ id, label, atRest, edges, positions, captions, panels, ticks }: Plot): Html {
  const isClose = closeOnes(ticks.map(({ at }) => at));
  const texts = panels.flatMap(({ series }) => series.map((one) => one.texts));
  let output = 0;
  return html`<div class="plot" id="${id}" data-places="${id}-places">
<p class="where"><output data-where data-rest="${atRest}">${atRest}</output> <small>Point at the chart, or use the arrow keys, for exact figures.</small></p>
<div class="panels">
${panels.map(
  ({ title, series, size, drawing, ticks: heights }) => html`<div class="panel">
<div class="panel-head"><h3>${title}</h3><ul class="keys">${series.map(
    (one) =>
      html`<li>${swatch(one.mark)}<span>${one.name}</span> <output data-series="${output++}">${one.atRest}</output></li>`,
  )}</ul></div>
<div class="canvas ${size}">${heights.map(
    ({ at, text }) => html`<i class="grid" style="bottom:${percentOf(at)}"><span>${text}</span></i>`,
  )}${drawing}</div>
</div>`,
)}
<div class="scrubber" role="slider" tabindex="0" aria-label="${label}" aria-valuemin="0" aria-valuemax="${positions.length - 1}" aria-valuenow="0" aria-valuetext="${atRest}"><i class="crosshair" hidden></i></div>
</div>
<div class="axis${ticks.length > 6 ? ' dense' : ''}" aria-hidden="true">${ticks.map(
    ({ at, text }, i) => html`<span${classOf(at, isClose[i])} style="left:${percentOf(at)}">${text}</span>`,
  )}</div>
${jsonScript(`${id}-places`, { edges: edges.map(place), positions: positions.map(place), captions, texts })}
</div>`;
}

/** Shares of an axis that two texts are to be apart where it is narrow. */
const APART = 0.14;

/** Which marks would have their texts run into the one before, on a phone. */
function closeOnes(places: readonly number[]): boolean[] {
  let last = Number.NEGATIVE_INFINITY;
  return places.map((at) => {
    const isClose = at - last < APART;
    if (!isClose) last = at;
    return isClose;
  });
}

function classOf(at: number, isClose = false): Html | string {
  if (at === 0) return html` class="first"`;
  return isClose ? html` class="close"` : '';
}

const place = (share: number): number => Math.round(share * 1e6) / 1e6;

/** An area under steps, from the bottom of a canvas up to `heights`: the i-th between edges i and i + 1. */
export function stepArea(mark: string, edges: readonly number[], heights: readonly number[]): Html {
  const points = steps(edges, heights).map(([x, y]) => `${percentOf(x)} ${percentOf(1 - y)}`);
  const polygon = ['0% 100%', ...points, '100% 100%'].join(',');
  return html`<i class="area fill-${mark}" style="clip-path:polygon(${polygon})"></i>`;
}

/** The line of such steps. */
export function stepLine(mark: string, edges: readonly number[], heights: readonly number[]): Html {
  return line(mark, steps(edges, heights));
}

/** A line through points, of the same width at every size of the drawing. */
export function line(mark: string, points: readonly (readonly [number, number])[]): Html {
  const path = points.map(([x, y]) => `${thousandths(x)} ${thousandths(1 - y)}`).join('L');
  return html`<svg class="lines" viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true"><path class="line-${mark}" d="M${path}"/></svg>`;
}

/** A band between two lines over the same places. */
export function band(
  mark: string,
  points: readonly { readonly x: number; readonly low: number; readonly high: number }[],
): Html {
  const corner = (x: number, y: number): string => `${percentOf(x)} ${percentOf(1 - y)}`;
  const polygon = [
    ...points.map(({ x, high }) => corner(x, high)),
    ...points.toReversed().map(({ x, low }) => corner(x, low)),
  ];
  return html`<i class="area fill-${mark}" style="clip-path:polygon(${polygon.join(',')})"></i>`;
}

/** Corners of steps; those between two of the same height are left out. */
function steps(edges: readonly number[], heights: readonly number[]): [number, number][] {
  const corners: [number, number][] = [];
  for (let i = 0; i < heights.length; i++) {
    const height = heights[i] as number;
    if (i > 0 && height === heights[i - 1]) corners.pop();
    else corners.push([edges[i] as number, height]);
    corners.push([edges[i + 1] as number, height]);
  }
  return corners;
}

const thousandths = (share: number): number => Math.round(share * 1e4) / 10;
