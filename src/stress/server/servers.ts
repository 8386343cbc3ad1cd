import type { ServeConfig } from '../../serve/schema.js';
import { startServer } from '../../serve/server.js';
import type { Engine } from '../../serve/types.js';
import type { ServerKind } from '../types.js';

/** A server at work, in this process. */
export interface RunningServer {
  readonly origin: string;
  readonly engine: Engine;
  close(): Promise<void>;
}

/** What is still to be answered at the end is nobody's any more. */
const GRACE_MS = 100;

const ENGINES: Readonly<Record<ServerKind, (config: ServeConfig) => Promise<Engine>>> = {
  penstock: async (config) => (await import('../../serve/engine.js')).createEngine(config),
  pointToPoint: async (config) =>
    (await import('../../serve/point-to-point.js')).createPointToPointEngine(config),
};

/** Starts the one that users get, or the one that is compared with: two engines, behind the same HTTP. */
export async function startServerOf(kind: ServerKind, config: ServeConfig): Promise<RunningServer> {
  const engine = await ENGINES[kind](config);
  try {
    const server = await startServer(config, { graceMs: GRACE_MS, engine });
    return {
      origin: server.url,
      engine,
      close: async () => {
        await server.close();
        await engine[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
}
