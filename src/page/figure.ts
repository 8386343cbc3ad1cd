import { type Html, html } from './html.js';

/**
 * A figure of the document: as people read it, and exactly as it stands there, for programs and on hover. `key` is its
 * place in the document, as in `batches.fill`.
 */
export function figure(key: string, value: number, format: (value: number) => string): Html {
  const text = format(value);
  const [, number, unit] = /^([\d.,]+)( \S+)$/.exec(text) ?? [undefined, text];
  return html`<data value="${value}" data-key="${key}" title="${exact(value)}">${number}${unit !== undefined && html`<span class="unit">${unit}</span>`}</data>`;
}

const EXACT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 10 });

function exact(value: number): string {
  return EXACT.format(value);
}

const BEFORE_UNIT = /(?<=\d) (?=[×%]|(?:µs|ms|s|min|h|B|kB|MB|GB|rows|requests)\b)/g;

/** A sentence in which figures stay on one line with their units. */
export function sentence(text: string): string {
  return text.replaceAll(BEFORE_UNIT, '\u00a0');
}

/** A length in a drawing, in percent of it; two places are more than a screen shows. */
export function percentOf(share: number): string {
  return `${Math.round(share * 1e4) / 100}%`;
}
