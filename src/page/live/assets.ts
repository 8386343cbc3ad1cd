import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { STYLE } from '../style.js';
import { LIVE_STYLE } from './style-live.js';

export interface Asset {
  readonly type: string;
  readonly body: string;
}

const SCRIPT = 'text/javascript; charset=utf-8';

/** What runs in the browser, by its name beside the others, as it was compiled. */
const SCRIPTS: Readonly<Record<string, string>> = {
  'theme.js': '../client/theme.js',
  'figures.js': '../../util/figures.js',
  ...Object.fromEntries(
    [
      'main',
      'charts',
      'chart',
      'dom',
      'endpoints',
      'facts',
      'jobs',
      'marks',
      'patterns',
      'scrubber',
      'stream',
      'timeline',
    ].map((name) => [`${name}.js`, `../client/live/${name}.js`]),
  ),
};

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
  if (!Object.hasOwn(SCRIPTS, name)) return undefined;
  const script = readFileSync(new URL(SCRIPTS[name] as string, import.meta.url), 'utf8');
  return { type: SCRIPT, body: script.replace(/^\/\/# sourceMappingURL=.*$/m, '') };
}
