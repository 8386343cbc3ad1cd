import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerPage, WatchedServer } from '../../serve/server-page.js';
import { readVersion } from '../../util/version.js';
import type { LiveSubject } from '../client/live/frame.js';
import { assetOf } from './assets.js';
import { LiveEvents } from './events.js';
import { StatsReader } from './from-stats.js';
import { livePageHtml } from './page.js';

const SAMPLE_MS = 1000;

/** Everything comes from where the page does, and nothing of it is written into the page. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const SAFE = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** The page and all that it asks for, whatever is watched. Whoever opens it closes it. */
export class LivePage implements ServerPage {
  /** What those who look on are told. */
  readonly events: LiveEvents;

  constructor(events: LiveEvents) {
    this.events = events;
  }

  /** Answers a request for one of its paths; else returns false, having touched nothing. */
  answer(request: IncomingMessage, response: ServerResponse): boolean {
    const path = pathOf(request);
    if (path !== '/' && !path.startsWith('/live/')) return false;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return true;
    }
    if (path === '/live/events') {
      // What other sites' pages ask for in a browser is not for them to see.
      if (request.headers['sec-fetch-site'] === 'cross-site') response.writeHead(403).end();
      else if (request.method === 'HEAD')
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end();
      else this.events.attach(response);
      return true;
    }
    const asset =
      path === '/'
        ? { type: 'text/html; charset=utf-8', body: livePageHtml() }
        : assetOf(path.slice('/live/'.length));
    if (asset === undefined) return false;
    const length = Buffer.byteLength(asset.body);
    response.writeHead(200, {
      ...SAFE,
      'content-type': asset.type,
      'content-length': length,
      'cache-control': 'no-cache',
    });
    response.end(request.method === 'HEAD' ? undefined : asset.body);
    return true;
  }

  /** Whoever looks on is told that it is over. */
  [Symbol.dispose](): void {
    this.events[Symbol.dispose]();
  }
}

/** The path alone; a server need not stand at the root of its host, but then what stands before it takes its part away. */
function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '/';
}

/**
 * The live page of a server, to be handed to `startServer`. Its engine is asked once a second for as long as somebody looks
 * on, and never else.
 *
 * @example
 * const server = await startServer(await loadServeConfig('serve.yaml'), { page: livePage });
 */
export function livePage({ engine, name, isDraining }: WatchedServer): LivePage {
  const subject: LiveSubject = { kind: 'serve', name, version: readVersion() };
  return new LivePage(
    new LiveEvents(subject, {
      watch(push) {
        const reader = new StatsReader(engine);
        const timer = setInterval(() => push(reader.frame(isDraining())), SAMPLE_MS);
        timer.unref();
        return () => clearInterval(timer);
      },
    }),
  );
}
