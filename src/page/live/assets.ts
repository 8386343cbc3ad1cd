import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { STYLE } from '../style.js';
import { LIVE_STYLE } from './style-live.js';

export interface Asset {
  readonly type: string;
  readonly body: string;
}

const SCRIPT = 'text/javascript; charset=utf-8';

/** What runs in the browser, as it was compiled: a name beside the page's own modules, and where it is. */
const SHARED: Readonly<Record<string, string>> = {
  'theme.js': '../client/theme.js',
  'scale.js': '../scale.js',
  'figures.js': '../../util/figures.js',
};
const OWN = new URL('../client/live/', import.meta.url);

const require = createRequire(import.meta.url);
const made = new Map<string, Asset>();

/** A file that the live page asks for, under `live/`; undefined where there is none of that name. */
export function assetOf(name: string): Asset | undefined {
  const known = made.get(name);
  if (known !== undefined) return known;
  const asset = make(name);
  if (asset !== undefined) made.set(name, asset);
  return asset;
}

function make(name: string): Asset | undefined {
  if (name === 'style.css') {
    const uplot = readFileSync(require.resolve('uplot/dist/uPlot.min.css'), 'utf8');
    return { type: 'text/css; charset=utf-8', body: uplot + STYLE + LIVE_STYLE };
  }
  if (name === 'uplot.js') {
    return { type: SCRIPT, body: readFileSync(require.resolve('uplot/dist/uPlot.esm.js'), 'utf8') };
  }
  const file = Object.hasOwn(SHARED, name) ? new URL(SHARED[name] as string, import.meta.url) : own(name);
  if (file === undefined) return undefined;
  const script = readFileSync(file, 'utf8');
  return { type: SCRIPT, body: script.replace(/^\/\/# sourceMappingURL=.*$/m, '') };
}

/** Only what is in that folder: a name in a request is never made into a path. */
function own(name: string): URL | undefined {
  const names = readdirSync(OWN).filter((file) => file.endsWith('.js'));
  return names.includes(name) ? new URL(name, OWN) : undefined;
}
