import type { ServerResponse } from 'node:http';
import type { LiveFrame, LiveSubject } from '../client/live/frame.js';

/** More who look on at the same time are turned away. */
const MOST_VIEWERS = 64;
/** A viewer who takes nothing for so long is gone. */
const STALLED_MS = 30_000;

export interface LiveEventsOptions {
  /** Begins to push frames when the first viewer comes, until what it returns is called, when the last is gone. */
  readonly watch?: (push: (frame: LiveFrame) => void) => () => void;
  /** How many frames are kept for whoever comes next; by default 600, at one a second those of ten minutes. */
  readonly kept?: number;
}

interface Viewer {
  readonly response: ServerResponse;
  /** Since when it takes nothing more, milliseconds of `performance.now()`. */
  cloggedSince: number | undefined;
}

/**
 * Hands out frames to all who look on, as server-sent events: what is watched, the frames there are, and each one that
 * comes. A frame is made and written down once, however many look on; a viewer who is too slow for it misses it, so that
 * nothing piles up for anybody. Whoever opens it closes it.
 */
export class LiveEvents implements Disposable {
  readonly #subject: LiveSubject;
  readonly #watch: LiveEventsOptions['watch'];
  readonly #viewers = new Set<Viewer>();
  readonly #keep: number;
  readonly #kept: string[] = [];
  #stop: (() => void) | undefined;
  #isOver = false;

  constructor(subject: LiveSubject, { watch, kept = 600 }: LiveEventsOptions = {}) {
    this.#subject = subject;
    this.#watch = watch;
    this.#keep = kept;
  }

  /** Those who look on. */
  get viewers(): number {
    return this.#viewers.size;
  }

  /** A frame, for all of them. */
  push(frame: LiveFrame): void {
    const data = JSON.stringify(frame);
    this.#kept.push(data);
    if (this.#kept.length > this.#keep) this.#kept.shift();
    for (const viewer of this.#viewers) this.#send(viewer, event('frame', data));
  }

  /** Somebody looks on, until either side ends it. */
  attach(response: ServerResponse): void {
    if (this.#isOver || this.#viewers.size >= MOST_VIEWERS) {
      response.writeHead(503, { 'retry-after': '5', 'content-type': 'text/plain; charset=utf-8' });
      response.end(this.#isOver ? 'It is over.\n' : 'Too many look on already.\n');
      return;
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Else proxies keep what they get until it is worth sending.
      'x-accel-buffering': 'no',
    });
    const viewer: Viewer = { response, cloggedSince: undefined };
    response.on('drain', () => {
      viewer.cloggedSince = undefined;
    });
    response.on('error', () => {});
    response.on('close', () => this.#detach(viewer));
    this.#viewers.add(viewer);
    this.#send(
      viewer,
      event('subject', JSON.stringify(this.#subject)) + event('history', `[${this.#kept.join(',')}]`),
    );
    this.#stop ??= this.#watch?.((frame) => this.push(frame));
  }

  /** There will be no more frames: viewers are told, and let go. */
  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const { response, cloggedSince } of this.#viewers) {
      // Nobody waits for one who takes nothing.
      if (cloggedSince === undefined) response.end(event('end', '{}'));
      else response.destroy();
    }
    this.#stopWatching();
  }

  #send(viewer: Viewer, text: string): void {
    const { response, cloggedSince } = viewer;
    if (cloggedSince === undefined) {
      if (!response.write(text)) viewer.cloggedSince = performance.now();
    } else if (performance.now() - cloggedSince > STALLED_MS) {
      response.destroy();
    }
  }

  #detach(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size === 0) this.#stopWatching();
  }

  #stopWatching(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}

function event(name: string, data: string): string {
  return `event: ${name}\ndata: ${data}\n\n`;
}
