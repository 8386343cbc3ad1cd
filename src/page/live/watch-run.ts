import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Progress } from '../../measure/progress.js';
import { UsageError } from '../../util/errors.js';
import { readVersion } from '../../util/version.js';
import { LiveEvents } from './events.js';
import { progressFrame } from './from-progress.js';
import { LivePage } from './live-page.js';

/** Names of this machine for itself. */
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** A run tells of itself twice a second: those of ten minutes. */
const KEPT = 1200;

/** A run that is shown as it goes. */
export interface WatchedRun extends AsyncDisposable {
  /** Where to look. */
  readonly url: string;
  progress(progress: Progress): void;
  /** How it ended, before it is closed. */
  end(state: 'completed' | 'failed' | 'interrupted'): void;
}

/**
 * Serves the live page of a run, to this machine alone. It keeps no process alive. Whoever opens it closes it.
 *
 * @param port 0 for any that is free
 * @throws UsageError where the port can't be had
 */
export async function watchRun(name: string, port: number): Promise<WatchedRun> {
  const events = new LiveEvents({ kind: 'run', name, version: readVersion() }, { kept: KEPT });
  const page = new LivePage(events);
  const server = createServer((request, response) => {
    // A name of somebody else's that leads here comes from a page of theirs.
    const [host = ''] = /^(?:\[[^\]]*\]|[^:]*)/.exec(request.headers.host ?? '') ?? [];
    if (!LOOPBACK.has(host.toLowerCase())) response.writeHead(403).end();
    else if (!page.answer(request, response)) response.writeHead(404).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'something else listens there' : cause.message;
      const hint = 'Name another port, or none for any that is free.';
      reject(new UsageError(`--ui: port ${port} can't be had: ${why}`, { hint, cause }));
    });
    server.listen(port, '127.0.0.1', resolve);
  });
  server.unref();
  server.on('connection', (socket) => socket.unref());
  let before: Progress | undefined;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    progress(progress) {
      events.push(progressFrame(name, progress, before, 'running'));
      before = progress;
    },
    end(state) {
      if (before !== undefined) {
        const still = { ...before, rowsPerSecond: before.rows / Math.max(1e-6, before.elapsedSeconds) };
        events.push({ ...progressFrame(name, still, before, state), seconds: 0 });
      }
    },
    async [Symbol.asyncDispose]() {
      page[Symbol.dispose]();
      server.closeIdleConnections();
      // What was not taken by then is not worth waiting for.
      const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
      await new Promise((resolve) => server.close(resolve));
      clearTimeout(timer);
    },
  };
}

const CLOSE_MS = 200;
