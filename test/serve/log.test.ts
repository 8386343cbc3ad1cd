import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type LogOptions, ServeLog } from '../../src/serve/log/log.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** A log into memory: its lines, as they are written. */
function open(options: Partial<LogOptions> = {}, isTTY = false): { log: ServeLog; lines: string[] } {
  const lines: string[] = [];
  const output = { isTTY, write: (text: string) => void lines.push(text) };
  return { log: new ServeLog({ name: 'digits', output, ...options }), lines };
}

const read = (lines: readonly string[]): Record<string, unknown>[] => lines.map((line) => JSON.parse(line));

const REQUEST = {
  protocol: 'http',
  method: 'POST',
  route: '/v2/models/:name/infer',
  status: 200,
  micros: 3_456,
  endpoint: 'digits',
  rows: 2,
  times: { queue: 1_000, compute: 2_000, batchRows: 64 },
} as const;

describe('the log of a server', () => {
  test('is a line of JSON for start, drain and stop', () => {
    const { log, lines } = open();
    log.started({ http: 'http://127.0.0.1:8000', grpc: '127.0.0.1:8001', endpoints: ['digits', 'bulk'] });
    log.draining('SIGTERM');
    log.stopped(12_345_678);
    const [started, draining, stopped] = read(lines);
    expect(lines.every((line) => /^\{.*\}\n$/.test(line))).toBe(true);
    expect(started).toMatchObject({
      level: 'info',
      name: 'digits',
      event: 'started',
      http: 'http://127.0.0.1:8000',
      grpc: '127.0.0.1:8001',
      endpoints: ['digits', 'bulk'],
      msg: 'listening',
    });
    expect(new Date(started?.time as string).toISOString()).toBe(started?.time);
    expect(draining).toMatchObject({ event: 'draining', signal: 'SIGTERM' });
    expect(stopped).toMatchObject({ event: 'stopped', uptimeSeconds: 12 });
  });

  test('sums up a burst of 10,000 refusals in one line', () => {
    const { log, lines } = open();
    for (let i = 0; i < 10_000; i++)
      log.refused(i % 4 === 0 ? 'bulk' : 'digits', i % 2 === 0 ? 'full' : 'late', 'no');
    expect(lines).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(read(lines)).toMatchObject([
      {
        level: 'warn',
        event: 'refused',
        refused: { bulk: { full: 2_500 }, digits: { full: 2_500, late: 5_000 } },
        msg: 'refused 10,000 requests',
      },
    ]);
    vi.advanceTimersByTime(10_000);
    expect(lines).toHaveLength(1);
    log.refused('digits', 'full', 'no');
    vi.advanceTimersByTime(1000);
    expect(read(lines)[1]).toMatchObject({ refused: { digits: { full: 1 } }, msg: 'refused 1 request' });
  });

  test('tells of failures with the last message of each endpoint, once a second too', () => {
    const { log, lines } = open();
    for (let i = 0; i < 100; i++) log.refused('digits', 'failed', `cuda:0 is gone (${i})`);
    vi.advanceTimersByTime(1000);
    expect(read(lines)).toMatchObject([
      {
        level: 'error',
        event: 'failed',
        failed: { digits: { requests: 100, last: 'cuda:0 is gone (99)' } },
        msg: '100 requests failed',
      },
    ]);
  });

  test('tells of faults of ours with where the last of them happened, once a second', () => {
    const { log, lines } = open();
    for (let i = 1; i <= 3; i++) log.fault(new TypeError(`x is undefined (${i})`));
    vi.advanceTimersByTime(1000);
    expect(read(lines)).toMatchObject([
      { level: 'error', event: 'fault', count: 3, msg: 'x is undefined (3) (the last of 3 faults)' },
    ]);
    expect(read(lines)[0]?.stack).toContain('log.test.ts');
  });

  test('tells when it is closed what it had not told yet', () => {
    const { log, lines } = open();
    log.refused('digits', 'full', 'no');
    log[Symbol.dispose]();
    expect(read(lines)).toMatchObject([{ event: 'refused' }]);
    vi.advanceTimersByTime(1000);
    expect(lines).toHaveLength(1);
  });

  test('keeps nothing of what a client says', () => {
    const { log, lines } = open({ level: 'trace', requests: true });
    log.refused(undefined, 'unknown', 'There is no endpoint "s3cret".');
    log.refused('digits', 'invalid', 'Expected numbers, found "s3cret".');
    log.request({ ...REQUEST, status: 400, refusal: 'invalid' });
    vi.advanceTimersByTime(1000);
    expect(lines).toHaveLength(2);
    expect(lines.join('')).not.toContain('s3cret');
  });

  test('has no line for a request, unless it is asked for', () => {
    const quiet = open();
    quiet.log.request(REQUEST);
    expect(quiet.lines).toEqual([]);
    const { log, lines } = open({ requests: true });
    log.request(REQUEST);
    expect(read(lines)).toMatchObject([
      {
        event: 'request',
        method: 'POST',
        route: '/v2/models/:name/infer',
        status: 200,
        ms: 3.456,
        endpoint: 'digits',
        rows: 2,
        queueMs: 1,
        computeMs: 2,
        batchRows: 64,
      },
    ]);
  });

  test('says no more than its level', () => {
    const { log, lines } = open({ level: 'error', requests: true });
    log.started({ http: 'http://127.0.0.1:8000', endpoints: [] });
    log.refused('digits', 'full', 'no');
    log.request(REQUEST);
    log.lost('model', 'digits', {
      code: 'DEVICE',
      message: 'cuda:0: out of memory',
      hint: 'Use a smaller batch.',
    });
    vi.advanceTimersByTime(1000);
    expect(read(lines)).toMatchObject([
      {
        level: 'error',
        event: 'model-failed',
        model: 'digits',
        code: 'DEVICE',
        msg: 'cuda:0: out of memory',
      },
    ]);
  });

  test('is text on a terminal, a line each, whatever is in it', () => {
    const { log, lines } = open({}, true);
    log.started({ http: 'http://127.0.0.1:8000', endpoints: ['digits'] });
    log.lost('job', 'nightly', { code: 'DATA', message: 'a\nb\u001b[31m', hint: undefined });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d INFO {2}listening http=http:\/\/127\.0\.0\.1:8000 endpoints=\["digits"\]\n$/,
    );
    expect(lines[1]).toMatch(/ ERROR a\?b\?\[31m job=nightly code=DATA\n$/);
  });
});
