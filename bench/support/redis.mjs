import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { ensure } from '../../scripts/services.mjs';

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
    for await (const chunk of server.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      log += chunk;
      if (log.includes('Ready to accept connections')) break;
    }
    server.stdout.resume();
    if (server.exitCode !== null) throw new Error(`redis-server ended:\n${log}`);
    return await work(`redis://127.0.0.1:${port}`);
  } finally {
    server.kill('SIGKILL');
    await ended;
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
