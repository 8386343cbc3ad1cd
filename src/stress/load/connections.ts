import { Client, type Dispatcher } from 'undici';
import { messageOf } from '../../util/errors.js';
import type { PreparedRequest } from './request.js';

/** What became of a request: an HTTP status, or why there is none. */
export type Outcome = number | string;

/** Longer than any scenario waits: it is the generator that gives up. */
const NO_TIMEOUT = 0;

/**
 * Connections to a server, one request at a time on each: as many as there may be unanswered requests. They are opened as they
 * are needed, and kept.
 */
export class Connections {
  readonly #origin: string;
  readonly #most: number;
  readonly #all: Client[] = [];
  /** Last in, first out: few stay warm rather than all lukewarm. */
  readonly #free: Client[] = [];
  #inUse = 0;

  constructor(origin: string, most: number) {
    this.#origin = origin;
    this.#most = most;
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** Sends it now; false where no connection is free. `settle` is called once, when its answer is complete, or there is none. */
  send(request: PreparedRequest, settle: (outcome: Outcome) => void): boolean {
    const client = this.#free.pop() ?? this.#open();
    if (client === undefined) return false;
    this.#inUse++;
    client.dispatch(
      { path: request.path, method: 'POST', headers: request.headers as string[], body: request.body },
      new Exchange((outcome) => {
        this.#inUse--;
        this.#free.push(client);
        settle(outcome);
      }),
    );
    return true;
  }

  #open(): Client | undefined {
    if (this.#all.length >= this.#most) return undefined;
    const client = new Client(this.#origin, {
      headersTimeout: NO_TIMEOUT,
      bodyTimeout: NO_TIMEOUT,
      pipelining: 1,
    });
    this.#all.push(client);
    return client;
  }

  /** Ends what is under way: those requests settle with an error. */
  async destroy(): Promise<void> {
    await Promise.all(this.#all.map((client) => client.destroy()));
  }
}

/** Hears of one request. Of its answer only the status is looked at: what is in it was looked at beforehand. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #settle: (outcome: Outcome) => void;
  #status = 0;

  constructor(settle: (outcome: Outcome) => void) {
    this.#settle = settle;
  }

  onRequestStart(): void {}

  onResponseStart(_: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(): void {}

  onResponseEnd(): void {
    this.#settle(this.#status);
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#settle((error as NodeJS.ErrnoException).code ?? messageOf(error));
  }
}
