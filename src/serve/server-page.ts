import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Engine } from './types.js';

/** What a page about a server may look at. */
export interface WatchedServer {
  /** What it asks, once a second while somebody looks on. */
  readonly engine: Pick<Engine, 'stats' | 'isReady'>;
  /** Of the server, in its configuration. */
  readonly name: string;
  /** Whether the server is about to end. */
  isDraining(): boolean;
}

/**
 * A page about a running server, at `/` and what is under `/live/`. What makes pages lives in a room further right, so
 * whoever starts a server hands it in. Whoever opens it closes it, before the server: those who look on are told.
 */
export interface ServerPage extends Disposable {
  /**
   * Answers a request for one of its paths; else returns false, having touched nothing. Only `/live/events` shows anything
   * of the server: it is for the server to ask for a token there, and to let anybody see the rest.
   */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
}

/** Opens a page about a server: `livePage` is one. */
export type OpenServerPage = (server: WatchedServer) => ServerPage;
