import type { LiveFrame, LiveSubject } from './frame.js';

export interface StreamHandlers {
  onSubject(subject: LiveSubject): void;
  /** The frames there were before; they take the place of all there are. */
  onHistory(frames: readonly LiveFrame[]): void;
  onFrame(frame: LiveFrame): void;
  /** What is watched is over. Returns whether it may come back. */
  onEnd(): boolean;
  /** Nobody answers; it is tried again by itself. */
  onLost(): void;
  /** A token is asked for; with `wasWrong`, another one. Called with it, `open` tries again. */
  onToken(wasWrong: boolean): void;
}

/** Milliseconds between two tries. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 8_000;
/** A page that nobody sees keeps listening for so long. */
const UNSEEN_MS = 60_000;
const KEY = 'penstock-token';

/**
 * The server's events, read from a `fetch` that goes on and on: an EventSource can't send a token. Where the connection is
 * lost it is made anew; a page that nobody sees lets go of it.
 */
export class Stream {
  readonly #handlers: StreamHandlers;
  #abort = new AbortController();
  #wait = FIRST_WAIT;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #unseen: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(handlers: StreamHandlers) {
    this.#handlers = handlers;
    takeTokenFromAddress();
    document.addEventListener('visibilitychange', () => this.#onVisibility());
  }

  open(token?: string): void {
    if (token !== undefined) sessionStorage.setItem(KEY, token);
    clearTimeout(this.#retry);
    this.#abort.abort();
    this.#abort = new AbortController();
    void this.#listen(this.#abort.signal);
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const token = sessionStorage.getItem(KEY);
    try {
      const response = await fetch('live/events', {
        signal,
        cache: 'no-store',
        headers: token === null ? {} : { authorization: `Bearer ${token}` },
      });
      if (response.status === 401 || response.status === 403) {
        sessionStorage.removeItem(KEY);
        this.#handlers.onToken(token !== null);
        return;
      }
      if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
      await this.#read(response.body.pipeThrough(new TextDecoderStream()));
    } catch {
      // Told below.
    }
    if (signal.aborted || this.#isOver) return;
    this.#handlers.onLost();
    this.#retry = setTimeout(() => this.open(), this.#wait);
    this.#wait = Math.min(LONGEST_WAIT, this.#wait * 2);
  }

  async #read(stream: ReadableStream<string>): Promise<void> {
    const reader = stream.getReader();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const events = (rest + value).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) this.#handle(event);
    }
  }

  #handle(text: string): void {
    const [, name, data = '{}'] = /^event: (\w+)\ndata: (.*)$/.exec(text) ?? [];
    const value = JSON.parse(data);
    this.#wait = FIRST_WAIT;
    if (name === 'subject') this.#handlers.onSubject(value);
    else if (name === 'history') this.#handlers.onHistory(value);
    else if (name === 'frame') this.#handlers.onFrame(value);
    else if (name === 'end') this.#isOver = !this.#handlers.onEnd();
  }

  #onVisibility(): void {
    clearTimeout(this.#unseen);
    if (document.hidden) {
      this.#unseen = setTimeout(() => this.#abort.abort(), UNSEEN_MS);
    } else if (this.#abort.signal.aborted && !this.#isOver) {
      this.open();
    }
  }
}

/** `?token=` is taken once, and does not stay in the address, where others might see it. */
function takeTokenFromAddress(): void {
  const address = new URL(location.href);
  const token = address.searchParams.get('token');
  if (token === null) return;
  sessionStorage.setItem(KEY, token);
  address.searchParams.delete('token');
  history.replaceState(null, '', address);
}
