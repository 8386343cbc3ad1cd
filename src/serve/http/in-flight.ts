import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** How many requests are being answered. */
export class InFlight {
  #count = 0;
  #onNone: (() => void) | undefined;

  constructor(app: FastifyInstance) {
    app.server.on('request', (_request, response: ServerResponse) => {
      this.#count++;
      // Unlike Fastify's own hook, this comes also where the client has gone away.
      response.once('close', () => {
        this.#count--;
        if (this.#count === 0) this.#onNone?.();
      });
    });
  }

  /** Resolves when there is none. */
  async none(): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      this.#onNone = resolve;
    });
  }
}
