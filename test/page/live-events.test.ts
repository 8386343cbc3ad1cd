import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { LiveFrame, LiveSubject } from '../../src/page/client/live/frame.js';
import { LiveEvents, type LiveEventsOptions } from '../../src/page/live/events.js';
import { LivePage } from '../../src/page/live/live-page.js';

const SUBJECT: LiveSubject = { kind: 'serve', name: 'digits', version: '1.2.3' };

/** A frame, of a size as with a hundred endpoints if that is wanted. */
function frame(uptime: number, padding = 0): LiveFrame {
  return {
    at: uptime * 1e3,
    seconds: 1,
    uptime,
    state: 'ready',
    endpoints: [],
    devices: [],
    jobs: padding === 0 ? [] : [job('x'.repeat(padding))],
    producers: null,
    memory: 1,
  };
}

const job = (name: string): LiveFrame['jobs'][number] => ({
  name,
  state: 'running',
  rows: 0,
  rowsPerSecond: 0,
  splits: 1,
  splitsDone: 0,
  error: null,
});

async function listen(events: LiveEvents): Promise<{ port: number; responses: ServerResponse[] }> {
  const page = new LivePage(events);
  const responses: ServerResponse[] = [];
  const server = createServer((request, response) => {
    responses.push(response);
    if (!page.answer(request, response)) response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    page[Symbol.dispose]();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, responses };
}

interface Received {
  readonly name: string;
  readonly data: unknown;
}

/** Somebody who looks on: what came so far, and its end. */
async function look(port: number) {
  const response = await new Promise<IncomingMessage>((resolve) =>
    get({ port, path: '/live/events' }, resolve),
  );
  const received: Received[] = [];
  let rest = '';
  response.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const [, name = '', data = ''] = /^event: (\w+)\ndata: (.+)$/.exec(part) ?? [];
      received.push({ name, data: JSON.parse(data) });
    }
  });
  const ended = new Promise<void>((resolve) => response.once('end', resolve));
  response.on('error', () => {});
  return { response, received, ended };
}

const uptimes = (received: readonly Received[]): number[] =>
  received.filter(({ name }) => name === 'frame').map(({ data }) => (data as LiveFrame).uptime);

describe('events of the live page', () => {
  test('tell what is watched, what there was, and each frame as it comes', async () => {
    const events = new LiveEvents(SUBJECT);
    const { port } = await listen(events);
    events.push(frame(1));
    events.push(frame(2));
    const { response, received } = await look(port);
    expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(response.headers['cache-control']).toBe('no-store');
    await expect.poll(() => received.length).toBe(2);
    expect(received).toEqual([
      { name: 'subject', data: SUBJECT },
      { name: 'history', data: [frame(1), frame(2)] },
    ]);
    events.push(frame(3));
    await expect.poll(() => uptimes(received)).toEqual([3]);
  });

  test('are sampled once for all who look on, and only as long as anybody does', async () => {
    const stop = vi.fn();
    const watch = vi.fn<NonNullable<LiveEventsOptions['watch']>>(() => stop);
    const events = new LiveEvents(SUBJECT, { watch });
    const { port } = await listen(events);
    expect(watch).not.toHaveBeenCalled();
    const [first, second] = await Promise.all([look(port), look(port)]);
    expect(watch).toHaveBeenCalledTimes(1);
    expect(events.viewers).toBe(2);
    watch.mock.calls[0]?.[0](frame(1));
    await expect.poll(() => [uptimes(first.received), uptimes(second.received)]).toEqual([[1], [1]]);
    first.response.destroy();
    await expect.poll(() => events.viewers).toBe(1);
    expect(stop).not.toHaveBeenCalled();
    second.response.destroy();
    await expect.poll(() => events.viewers).toBe(0);
    expect(stop).toHaveBeenCalledTimes(1);
    await look(port);
    expect(watch).toHaveBeenCalledTimes(2);
  });

  test('keep the frames of ten minutes, no more', async () => {
    const events = new LiveEvents(SUBJECT);
    const { port } = await listen(events);
    for (let i = 1; i <= 1_000; i++) events.push(frame(i));
    const { received } = await look(port);
    await expect.poll(() => received.length).toBe(2);
    const history = received[1]?.data as LiveFrame[];
    expect([history.length, history[0]?.uptime, history.at(-1)?.uptime]).toEqual([600, 401, 1_000]);
  });

  test('pile up for nobody: who is too slow misses some, who is not gets all', async () => {
    const events = new LiveEvents(SUBJECT);
    const { port, responses } = await listen(events);
    const slow = connect(port, '127.0.0.1');
    slow.write('GET /live/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    slow.pause();
    onTestFinished(() => void slow.destroy());
    await expect.poll(() => events.viewers).toBe(1);
    const { received } = await look(port);
    const size = 100_000;
    let waiting = 0;
    for (let i = 1; i <= 400; i++) {
      events.push(frame(i, size));
      await expect.poll(() => uptimes(received).at(-1), { interval: 1 }).toBe(i);
      waiting = Math.max(waiting, responses[0]?.writableLength ?? 0);
    }
    expect(uptimes(received)).toHaveLength(400);
    // One that it could not take, and what the kernel keeps for it; not forty megabytes.
    expect(waiting).toBeLessThan(5 * size);
    // Nor does anybody wait for it in the end.
    events[Symbol.dispose]();
    await expect.poll(() => responses[0]?.destroyed).toBe(true);
  });

  test('turn away more than 64 who look on, until one leaves', async () => {
    const events = new LiveEvents(SUBJECT);
    const { port } = await listen(events);
    const viewers = await Promise.all(Array.from({ length: 64 }, () => look(port)));
    const { response } = await look(port);
    expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '5']);
    viewers[0]?.response.destroy();
    await expect.poll(() => events.viewers).toBe(63);
    expect((await look(port)).response.statusCode).toBe(200);
  });

  test('end when what is watched does, for those who come later too', async () => {
    const events = new LiveEvents(SUBJECT);
    const { port } = await listen(events);
    const { received, ended } = await look(port);
    events[Symbol.dispose]();
    await ended;
    expect(received.at(-1)).toEqual({ name: 'end', data: {} });
    expect((await look(port)).response.statusCode).toBe(503);
  });

  describe('who takes nothing for half a minute', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
    afterEach(() => void vi.useRealTimers());

    test('is let go', async () => {
      const events = new LiveEvents(SUBJECT);
      const { port } = await listen(events);
      const slow = connect(port, '127.0.0.1');
      slow.write('GET /live/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
      slow.pause();
      slow.on('error', () => {});
      await expect.poll(() => events.viewers).toBe(1);
      // More than any kernel keeps for it.
      events.push(frame(1, 20_000_000));
      vi.advanceTimersByTime(29_000);
      events.push(frame(2));
      expect(events.viewers).toBe(1);
      vi.advanceTimersByTime(2_000);
      events.push(frame(3));
      await expect.poll(() => events.viewers).toBe(0);
    });
  });
});
