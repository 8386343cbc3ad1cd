import type { Choice } from '../measure/report.js';
import { whole } from '../util/figures.js';
import { figure } from './figure.js';
import { type Html, html } from './html.js';

/** What keys that are `auto` came to, and why. `prefix`: where the report stands in the document. */
export function chosen(choices: readonly Choice[], prefix: string): Html {
  return html`<section class="card chosen"><h3>What <code>auto</code> came to</h3><table class="stacks"><thead class="unseen"><tr><th scope="col">key</th><th scope="col">value</th><th scope="col">because</th></tr></thead><tbody>${choices.map(
    ({ key, value, from, because }, i) => {
      const at = `${prefix}chosen.${i}.`;
      return html`<tr><th scope="row"><code>${key}</code></th><td data-name="value" class="number"><span>${from !== undefined && html`${figure(`${at}from`, from, whole)} → `}${figure(`${at}value`, value, whole)}</span></td><td data-name="because" class="because">${because}</td></tr>`;
    },
  )}</tbody></table></section>`;
}
