import { livePage } from '../page/live/live-page.js';
import { loadServeConfig } from '../serve/config.js';
import { type Server, startServer } from '../serve/server.js';
import { InterruptedError } from '../util/errors.js';
import { fail } from './fail.js';
import type { Interruption } from './interrupt.js';
import { serveDocument, serveText } from './serve-text.js';
import type { Terminal } from './terminal.js';

export interface ServeFlags {
  readonly json: boolean;
  readonly set: readonly string[];
  readonly insecure: boolean;
  readonly host?: string;
  readonly port?: string;
  /** A line in the log for each request. */
  readonly logRequests?: boolean;
}

/** `penstock serve` */
export async function serve(
  file: string,
  flags: ServeFlags,
  terminal: Terminal,
  interruption: Interruption,
): Promise<number> {
  const { signal } = interruption;
  let name: string | undefined;
  try {
    const config = await loadServeConfig(file, { set: [...flags.set, ...settingsOf(flags)] });
    name = config.name;
    const { insecure } = flags;
    const server = await startServer(config, { signal, insecure, log: true, page: livePage });
    show(server, name, flags.json, terminal);
    await server.closed;
    return 0;
  } catch (error) {
    // Whoever manages services has asked it to end before it had begun: that is no failure.
    if (error instanceof InterruptedError && interruption.by === 'SIGTERM') return 0;
    return fail(error, terminal, { json: flags.json, job: name });
  }
}

/** What flags say of the configuration; as its values are YAML, texts are quoted. */
function settingsOf({ host, port, logRequests = false }: ServeFlags): string[] {
  return [
    ...(host === undefined ? [] : [`listen.host=${JSON.stringify(host)}`]),
    ...(port === undefined ? [] : [`listen.port=${port}`]),
    ...(logRequests ? ['log.requests=true'] : []),
  ];
}

function show(server: Server, name: string, json: boolean, terminal: Terminal): void {
  const hasToken = Boolean(process.env.PENSTOCK_TOKEN);
  const { style } = terminal;
  if (json) terminal.document(serveDocument(server, name));
  terminal.print(serveText(server, name, hasToken, style));
}
