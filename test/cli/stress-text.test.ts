import pc from 'picocolors';
import { describe, expect, test } from 'vitest';
import { stressLine } from '../../src/cli/stress-progress.js';
import { stressText } from '../../src/cli/stress-text.js';
import { readNumber } from '../helpers/read-number.js';
import { stressReport } from '../page/stress-document.js';

const REPORT = stressReport();
const plain = pc.createColors(false);
const text = stressText(REPORT, { colors: plain, width: 100, tableWidth: 160 });
const lines = text.split('\n');

/** The cells of a line, by the columns of the head. */
function cellsOf(line: string): string[] {
  return line
    .slice(20)
    .trim()
    .split(/\s{2,}|(?<=\d) (?=\d+ %)/)
    .map((cell) => cell.trim());
}

/** The line of a server below the title of a scenario. */
function lineOf(title: string, server: string): string {
  const at = lines.indexOf(`  ${title}`);
  expect(at, title).toBeGreaterThan(0);
  return lines.slice(at + 1).find((line) => line.startsWith(`    ${server}`)) ?? '';
}

describe('the table of a stress test', () => {
  test.each(
    REPORT.scenarios.filter(({ name }) => name !== 'competing').map((one) => [one.title, one] as const),
  )('says of %s what the document does', (title, { servers }) => {
    for (const [kind, name] of [
      ['penstock', 'Penstock'],
      ['pointToPoint', 'point to point'],
    ] as const) {
      const { streams, devices } = servers[kind];
      const [stream] = streams;
      if (stream === undefined) throw new RangeError('a scenario has a stream');
      const [offered, goodput, share, p50, p99, p999, refused, within, busy, starved] = cellsOf(
        lineOf(title, name),
      );
      const near = (cell: string | undefined, value: number, scale = 1): void => {
        const read = readNumber(cell ?? '');
        expect(
          Math.abs(read.value * (cell?.endsWith(' s') ? 1000 : scale) - value),
          `${name}: ${cell}`,
        ).toBeLessThanOrEqual(read.tolerance * (cell?.endsWith(' s') ? 1000 : scale) * 1.001);
      };
      near(offered, stream.offeredPerSecond);
      near(goodput, stream.goodputPerSecond);
      near(share, stream.goodShare);
      near(p50, stream.latencyMs.p50);
      near(p99, stream.latencyMs.p99);
      near(p999, stream.latencyMs.p999);
      const all = Object.values(stream.refused).reduce((sum, count) => sum + count, 0);
      if (all === 0) expect([refused, within]).toEqual(['–', '–']);
      else {
        near(refused, all);
        near(within, stream.refusalMs?.p99 ?? 0);
      }
      near(busy, devices[0]?.busy ?? 0);
      near(starved, devices[0]?.starved.total ?? 0);
    }
  });

  test('has a line for each of several streams', () => {
    const at = lines.indexOf('  competing streams');
    expect(lines.slice(at + 1, at + 5).map((line) => line.slice(4, 22).trim())).toEqual([
      'Penstock online',
      'bulk',
      'point to online',
      'bulk',
    ]);
  });

  test('tells what the job beside did, what was found, left out and to be doubted', () => {
    expect(text).toContain('job: 7,421 rows/s');
    for (const finding of REPORT.findings) expect(text.replaceAll(/\s+/g, ' ')).toContain(finding);
    expect(text).toContain('trace: it takes a trace file: --trace FILE');
    expect(text).toContain('warning: the machine was busy with something else');
  });

  test('is not wider than it may be', () => {
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(105);
  });
});

test('the live line says where it is, and how long it takes', () => {
  const progress = {
    step: 'steady, 80 %',
    server: 'pointToPoint',
    number: 8,
    steps: 24,
    elapsedSeconds: 65,
    totalSeconds: 240,
    done: 0.3,
  } as const;
  expect(stressLine('digits', progress, 100, plain)).toBe(
    'digits  ██████··············  1:05  about 2:48 left  8 of 24: steady, 80 %, point to point',
  );
  expect(stressLine('digits', progress, 40, plain).length).toBeLessThanOrEqual(40);
});
