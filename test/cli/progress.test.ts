import pc from 'picocolors';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Forecast, Interval, liveLine, logLine, ProgressDisplay } from '../../src/cli/progress.js';
import { type Output, Terminal } from '../../src/cli/terminal.js';
import { widthOf } from '../../src/cli/text.js';
import type { Progress } from '../../src/measure/progress.js';

const plain = pc.createColors(false);

const SHARES = { busy: 0.82, starved: { total: 0.18, fetch: 0.02, prep: 0.06, batching: 0.1 }, blocked: 0 };

function progress(changes: Partial<Progress> = {}): Progress {
  return {
    ...SHARES,
    devices: [{ id: 'cpu', ...SHARES }],
    elapsedSeconds: 5,
    rows: 70_000,
    rowsPerSecond: 14_085,
    splits: 29,
    totalSplits: 64,
    ...changes,
  };
}

class FakeStream implements Output {
  written = '';
  readonly isTTY: boolean;
  readonly columns = 120;
  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }
  write(text: string): void {
    this.written += text;
  }
  hasColors(): boolean {
    return false;
  }
}

describe('the live line', () => {
  test('says all there is to say where there is room', () => {
    expect(liveLine('digits', progress(), 7, 200, plain)).toBe(
      'digits  ███████▎········  29/64 splits  14,085 rows/s  busy 82 %  ' +
        'starved 18 % (fetch 2, prep 6, batching 10)  blocked  0 %  0:05  about 0:07 left',
    );
  });

  test('says of several devices how busy each is, where there is room', () => {
    const devices = [0.9, 0.74].map((busy, place) => ({ id: `cuda:${place}`, ...SHARES, busy }));
    expect(liveLine('digits', progress({ devices }), 7, 200, plain)).toContain('  busy 82 % (90, 74)  ');
    expect(liveLine('digits', progress({ devices }), 7, 79, plain)).toContain('  busy 82 %  ');
  });

  test('on 80 columns names the largest cause of starving', () => {
    expect(liveLine('digits', progress(), 7, 79, plain)).toBe(
      '29/64  14,085 rows/s  busy 82 %  starved 18 % (batching)  blocked  0 %  0:05',
    );
  });

  test('fits any width, whatever the name', () => {
    const name = '数字\n\x1b[2J digits of the year 2024, all of them';
    for (let width = 0; width < 200; width++) {
      const line = liveLine(name, progress({ rowsPerSecond: 1e7 }), 7200, width, plain);
      expect(widthOf(line)).toBeLessThanOrEqual(width);
      expect(line).not.toMatch(/\p{Cc}/u);
    }
  });

  test('colours take no room', () => {
    const colored = liveLine('digits', progress(), 7, 140, pc.createColors(true));
    expect(colored).toContain('\x1b[33mstarved 18 %');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is taken out
    expect(colored.replace(/\x1b\[\d+m/g, '')).toBe(liveLine('digits', progress(), 7, 140, plain));
  });
});

describe('the forecast', () => {
  test('leaves out splits of earlier runs', () => {
    const forecast = new Forecast();
    expect(forecast.left(progress({ elapsedSeconds: 1, splits: 50, totalSplits: 100 }))).toBeUndefined();
    expect(forecast.left(progress({ elapsedSeconds: 3, splits: 52, totalSplits: 100 }))).toBeUndefined();
    expect(forecast.left(progress({ elapsedSeconds: 11, splits: 60, totalSplits: 100 }))).toBe(40);
  });
});

describe('an interval of a log', () => {
  test('joins the shares and rates of all reports in it', () => {
    const interval = new Interval();
    const starved = { total: 1, fetch: 1, prep: 0, batching: 0 };
    const none = { total: 0, fetch: 0, prep: 0, batching: 0 };
    // Nothing has run yet in the first second.
    interval.add(progress({ elapsedSeconds: 1, busy: 0, starved: none }));
    interval.add(progress({ elapsedSeconds: 2, busy: 0, starved }));
    const last = progress({ elapsedSeconds: 5, rows: 1000, busy: 1, starved: none });
    interval.add(last);
    expect(interval.close(last)).toMatchObject({
      busy: 0.75,
      starved: { total: 0.25, fetch: 0.25, prep: 0, batching: 0 },
      blocked: 0,
      rowsPerSecond: 200,
    });
    const next = progress({ elapsedSeconds: 6, rows: 1500, busy: 0.5 });
    interval.add(next);
    expect(interval.close(next).rowsPerSecond).toBe(500);
  });
});

test('an interval of a log joins the shares of each device by itself', () => {
  const interval = new Interval();
  const none = { total: 0, fetch: 0, prep: 0, batching: 0 };
  const device = (id: string, busy: number) => ({ id, busy, starved: none, blocked: 1 - busy });
  interval.add(progress({ elapsedSeconds: 1, devices: [device('cuda:0', 1), device('cuda:1', 0.5)] }));
  const last = progress({ elapsedSeconds: 4, devices: [device('cuda:0', 0.6), device('cuda:1', 0.1)] });
  interval.add(last);
  const joined = interval.close(last);
  expect(joined.devices.map(({ id }) => id)).toEqual(['cuda:0', 'cuda:1']);
  expect(joined.devices[0]?.busy).toBeCloseTo(0.7, 9);
  expect(joined.devices[1]?.busy).toBeCloseTo(0.2, 9);
  expect(logLine('digits', joined, undefined)).toContain('  devices busy 82 % (70, 20)  ');
});

describe('where it is shown', () => {
  beforeEach(() => void vi.stubEnv('TERM', 'xterm'));
  afterEach(() => void vi.unstubAllEnvs());

  test('on a terminal one line is drawn over and over, and gone before other text', () => {
    const stderr = new FakeStream(true);
    const terminal = new Terminal(new FakeStream(true), stderr);
    const { show } = new ProgressDisplay(terminal, 'digits');
    show(progress());
    show(progress({ splits: 30 }));
    terminal.print('done');
    const lines = stderr.written.split('\r').slice(1);
    expect(lines).toHaveLength(4);
    expect(lines[0]).toBe('digits: starting …\x1b[K');
    expect(lines[1]).toContain('29/64 splits');
    expect(lines[2]).toContain('30/64 splits');
    for (const line of lines.slice(0, 3)) expect(line.endsWith('\x1b[K')).toBe(true);
    expect(lines[3]).toBe('\x1b[Kdone\n');
  });

  test('in a log there is a line after two seconds and then every five', () => {
    const stderr = new FakeStream(false);
    const { show } = new ProgressDisplay(new Terminal(new FakeStream(false), stderr), 'digits');
    for (let half = 1; half <= 26; half++) {
      show(progress({ elapsedSeconds: half / 2 + 0.001, rows: half * 500 }));
    }
    const lines = stderr.written.trimEnd().split('\n');
    expect(lines.map((line) => line.slice(0, 'digits 0:00'.length))).toEqual([
      'digits 0:02',
      'digits 0:07',
      'digits 0:12',
    ]);
    expect(lines[2]).toContain(
      '29/64 splits  12,000 rows  1,000 rows/s  device busy 82 %  starved 18 % (fetch 2, prep 6, batching 10)',
    );
  });

  test('a terminal that can not draw over a line gets a log', () => {
    vi.stubEnv('TERM', 'dumb');
    const stderr = new FakeStream(true);
    const { show } = new ProgressDisplay(new Terminal(new FakeStream(true), stderr), 'digits');
    show(progress());
    expect(stderr.written).toMatch(/^digits 0:05 [^\r]*\n$/);
  });
});
