import { get } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { QuietEngine } from '../serve/quiet-engine.js';
import { serveLive } from './live-server.js';

/** @returns the port */
async function serve(): Promise<number> {
  const server = await serveLive(new QuietEngine({ digits: 'digits' }));
  onTestFinished(() => server[Symbol.asyncDispose]());
  return Number(server.url.port);
}

describe('the page and what it asks for', () => {
  const ask = async (port: number, path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    return { response, text: await response.text() };
  };

  test('comes with a policy that lets nothing else in, and nothing run that is not beside it', async () => {
    const port = await serve();
    const { response, text } = await ask(port, '/');
    expect(response.headers.get('content-security-policy')).toContain(
      "default-src 'none'; script-src 'self'",
    );
    expect(response.headers.get('content-security-policy')).not.toContain('unsafe');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(text).not.toContain('digits');
    expect(text).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/);
    for (const [, file] of text.matchAll(/(?:src|href)="(live\/[^"]+)"/g))
      expect((await ask(port, `/${file}`)).response.status, file).toBe(200);
  });

  test.each([
    '/live/',
    '/live/nix.js',
    '/live/../package.json',
    '/live/%2e%2e/live-page.js',
    '/live/..%2f..%2fcli%2fmain.js',
    '/live/main.js/../main.js.map',
    '/live/constructor',
    '/live/__proto__',
    '/other',
  ])('of what is not there gives nothing: %s', async (path) => {
    const port = await serve();
    const status = await new Promise((resolve) =>
      get({ port, path }, ({ statusCode }) => resolve(statusCode)),
    );
    expect(status).toBe(404);
  });

  test('is only looked at', async () => {
    const port = await serve();
    expect((await ask(port, '/', { method: 'POST', body: 'x' })).response.status).toBe(405);
    const head = await ask(port, '/', { method: 'HEAD' });
    expect([head.response.status, head.text]).toEqual([200, '']);
    expect((await ask(port, '/live/events', { method: 'HEAD' })).response.status).toBe(200);
  });

  test('shows nothing to pages of others', async () => {
    const port = await serve();
    const headers = { 'sec-fetch-site': 'cross-site' };
    const status = await new Promise((resolve) =>
      get({ port, path: '/live/events', headers }, ({ statusCode }) => resolve(statusCode)),
    );
    expect(status).toBe(403);
  });
});
