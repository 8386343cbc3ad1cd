import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ensure } from '../../scripts/services.mjs';
import { freePort } from './port.mjs';

/** Calls `work` with the URL of a Redis of its own, which keeps nothing on disk and is gone afterwards. */
export async function withRedis(folder, work) {
  const service = await ensure('redis');
  if ('reason' in service) throw new Error(`no redis-server: ${service.reason}`);
  const port = await freePort();
  const settings = [
    '--bind',
    '127.0.0.1',
    '--port',
    port,
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const server = spawn(service.path, settings.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(server, 'exit');
  try {
    let log = '';
    const isReady = () => log.includes('Ready to accept connections');
    for await (const chunk of server.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      log += chunk;
      if (isReady()) break;
    }
    // Its output ends before it is known how it has ended.
    if (!isReady()) throw new Error(`redis-server ended:\n${log}`);
    server.stdout.resume();
    return await work(`redis://127.0.0.1:${port}`);
  } finally {
    server.kill('SIGKILL');
    await ended;
  }
}
