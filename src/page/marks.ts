import { type Bottleneck, type DeviceShares, type Report, sharesBy } from '../measure/report.js';
import { percentExact } from '../util/figures.js';
import { figure, percentOf } from './figure.js';
import { type Html, html } from './html.js';

/*
 * What stands for what, everywhere on the page: a heading of time has one name, one colour (Okabe and Ito's, which most
 * colour-blind people tell apart) and one pattern, so that colour is never the only sign.
 */

/** What a device's time goes to, in the order in which it is stacked. */
export interface Heading {
  readonly key: 'busy' | 'fetch' | 'prep' | 'batching' | 'blocked';
  /** Where it stands in a device's report. */
  readonly path: string;
  readonly name: string;
  readonly meaning: string;
  share(device: DeviceShares): number;
}

export const HEADINGS: readonly Heading[] = [
  {
    key: 'busy',
    path: 'busy',
    name: 'busy',
    meaning: 'at least one batch was running',
    share: ({ busy }) => busy,
  },
  {
    key: 'fetch',
    path: 'starved.fetch',
    name: 'fetch',
    meaning: 'starved: rows were still in storage',
    share: ({ starved }) => starved.fetch,
  },
  {
    key: 'prep',
    path: 'starved.prep',
    name: 'prep',
    meaning: 'starved: rows were being decoded, transformed, collated',
    share: ({ starved }) => starved.prep,
  },
  {
    key: 'batching',
    path: 'starved.batching',
    name: 'batching',
    meaning: 'starved: rows waited in an open batch for company',
    share: ({ starved }) => starved.batching,
  },
  {
    key: 'blocked',
    path: 'blocked',
    name: 'blocked',
    meaning: 'the sink held every slot',
    share: ({ blocked }) => blocked,
  },
];

/** Several devices as one: the means of the shares of those that ran. */
export function meanShares(devices: readonly DeviceShares[]): DeviceShares {
  const ran = devices.filter((device) => HEADINGS.some(({ share }) => share(device) > 0));
  const mean = (share: (device: DeviceShares) => number): number =>
    ran.reduce((sum, device) => sum + share(device), 0) / Math.max(1, ran.length);
  return sharesBy(mean);
}

/** What a producer's time goes to. */
export const PRODUCER_STATES: readonly {
  readonly key: Exclude<keyof Report['producers'], 'count'>;
  readonly name: string;
  readonly meaning: string;
  readonly mark: string;
}[] = [
  { key: 'fetch', name: 'fetch', meaning: 'reading from storage', mark: 'fetch' },
  { key: 'decode', name: 'decode', meaning: 'bytes to columns', mark: 'decode' },
  { key: 'transform', name: 'transform', meaning: 'your module', mark: 'transform' },
  { key: 'collate', name: 'collate', meaning: 'columns to rows of tensors', mark: 'prep' },
  { key: 'blocked', name: 'blocked', meaning: 'no slot was free: ahead of the device', mark: 'wait' },
  { key: 'idle', name: 'idle', meaning: 'no work left', mark: 'idle' },
];

/** A bottleneck in words, as in «limited by …». */
export const LIMITS: Readonly<Record<Bottleneck, string>> = {
  device: 'the device',
  fetch: 'storage',
  prep: 'preparing rows',
  batching: 'rows waiting for company',
  sink: 'writing outputs',
};

export function swatch(mark: string): Html {
  return html`<i class="swatch fill-${mark}"></i>`;
}

export interface Share {
  readonly mark: string;
  readonly name: string;
  readonly share: number;
}

/** A bar of all of a time, cut into shares. What it says in figures stands beside it. */
export function stackedBar(shares: readonly Share[]): Html {
  return html`<div class="bar" role="img" aria-label="${shares.map(({ name, share }) => `${name} ${percentExact(share)}`).join(', ')}">${shares
    .filter(({ share }) => share > 0)
    .map(
      ({ mark, name, share }) =>
        html`<i class="fill-${mark}" style="width:${percentOf(share)}" title="${name} ${percentExact(share)}"></i>`,
    )}</div>`;
}

/** A bar that is full at 1. */
export function gauge(mark: string, share: number): Html {
  const width = percentOf(Math.min(1, Math.max(0, share)));
  return html`<div class="gauge" aria-hidden="true"><i class="fill-${mark}" style="width:${width}"></i></div>`;
}

export interface Line {
  readonly key: string;
  readonly mark: string;
  readonly name: string;
  readonly meaning: string;
  readonly share: number;
}

/** Shares one below the other: mark, name, figure, meaning. */
export function sharesTable(caption: string, lines: readonly Line[]): Html {
  return html`<table class="shares"><caption class="unseen">${caption}</caption><tbody>${lines.map(
    ({ key, mark, name, meaning, share }) =>
      html`<tr${share > 0 ? '' : html` class="none"`}><th scope="row">${swatch(mark)}${name}</th><td class="number">${figure(key, share, percentExact)}</td><td class="meaning">${meaning}</td></tr>`,
  )}</tbody></table>`;
}

/** All of a device's time: a bar, and what it says. `prefix`: where its shares stand in the document. */
export function deviceShares(caption: string, device: DeviceShares, prefix: string): Html {
  const total = figure(`${prefix}starved.total`, device.starved.total, percentExact);
  return html`${stackedBar(HEADINGS.map(({ key, name, share }) => ({ mark: key, name, share: share(device) })))}
${sharesTable(
  caption,
  HEADINGS.map(({ key, path, name, meaning, share }) => ({
    key: prefix + path,
    mark: key,
    name,
    meaning,
    share: share(device),
  })),
)}
<p class="sum">Starved for ${total} of the time, whatever the cause.${device.handoff !== undefined && html` The next batch was there, and had yet to begin, for ${figure(`${prefix}handoff`, device.handoff, percentExact)}: a part of batching.`}</p>`;
}
