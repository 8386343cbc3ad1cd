import { describe, expect, test } from 'vitest';
import { deviceRowsPerSecond } from '../../src/stress/capacity.js';
import { findingsOf } from '../../src/stress/findings.js';
import { devicesBetween, meanBatchRows, type PlainStats } from '../../src/stress/server/stats.js';
import type { Outcome, ScenarioReport, StressReport } from '../../src/stress/types.js';
import { warningsOf } from '../../src/stress/warnings.js';
import { stressReport } from '../page/stress-document.js';

const REPORT = stressReport();

describe('findings', () => {
  const findings = findingsOf(REPORT);

  test('say what the figures are', () => {
    expect(findings[0]).toBe(
      'With as much as they can take, Penstock answers 5,200 requests/s, in batches of 58.3 rows on average; one request, one ' +
        'run answers 480 requests/s: 10.8 ×.',
    );
    expect(findings[1]).toContain('At 80 % of that, 99 of 100 requests are answered within 18.6 ms.');
    expect(findings[1]).toContain('it answers 2 % within 100 ms');
    expect(findings[2]).toContain(
      'At twice what it can do, Penstock answers 98 % of its capacity within 100 ms',
    );
    expect(findings[2]).toContain('99 of 100 of these within 2.43 ms');
  });

  test('are of the scenarios that were played, and of no others', () => {
    expect(findingsOf({ ...REPORT, scenarios: [] })).toHaveLength(1);
    expect(findings.some((finding) => finding.startsWith('Beside a batch job'))).toBe(true);
    // What a job costs is seen beside the same requests without it.
    const alone = REPORT.scenarios.filter(({ name }) => name !== 'steady-30');
    expect(findingsOf({ ...REPORT, scenarios: alone }).some((finding) => finding.startsWith('Beside'))).toBe(
      false,
    );
  });
});

describe('warnings', () => {
  /** The report with the first scenario's Penstock changed. */
  const warned = (change: (outcome: Outcome) => Outcome, noise: readonly number[] = [0]): string[] => {
    const [first, ...others] = REPORT.scenarios as [ScenarioReport, ...ScenarioReport[]];
    const changed = { ...first, servers: { ...first.servers, penstock: change(first.servers.penstock) } };
    const usual = warningsOf(REPORT, [0]);
    return warningsOf({ ...REPORT, scenarios: [changed, ...others] }, noise).filter(
      (one) => !usual.includes(one),
    );
  };
  const generator =
    (change: Partial<Outcome['generator']>) =>
    (outcome: Outcome): Outcome => ({
      ...outcome,
      generator: { ...outcome.generator, ...change },
    });

  test('of a machine that has something else to do', () => {
    expect(warned((outcome) => outcome, [0, 1.8])).toEqual([
      expect.stringContaining('busy with something else (1.8'),
    ]);
  });

  test('of a generator that is late, or has no time left', () => {
    const lateMs = { p50: 1, p99: 7.5, p999: 9, max: 12 };
    for (const change of [{ lateMs }, { utilization: 0.97 }])
      expect(warned(generator(change))).toEqual([
        expect.stringContaining('at its limit, and not the server alone, in steady, 30 % (Penstock)'),
      ]);
  });

  test('of more unanswered requests than it sends at a time', () => {
    expect(warned(generator({ held: 12, mostOutstanding: 2048 }))).toEqual([
      expect.stringContaining('2,048 requests were unanswered at the same time'),
    ]);
  });

  test('of requests that failed, and of a job that was over early', () => {
    const failing = warned((outcome) => ({
      ...outcome,
      streams: outcome.streams.map((stream) => ({ ...stream, failed: { ECONNRESET: 3 } })),
    }));
    expect(failing).toEqual(['steady, 30 % (Penstock): 3 requests failed (ECONNRESET)']);
    expect(warned((outcome) => ({ ...outcome, job: { rowsPerSecond: 10, endedEarly: true } }))).toEqual([
      'the batch job was over before the requests were, in steady, 30 % (Penstock)',
    ]);
  });

  test('of a capacity that the generator could not reach', () => {
    const { penstock } = REPORT.capacity;
    const capacity: StressReport['capacity'] = {
      ...REPORT.capacity,
      penstock: { ...penstock, generatorUtilization: 0.96 },
    };
    expect(warningsOf({ ...REPORT, capacity }, [0])[0]).toContain(
      'the load generator was busy 96 % of the time',
    );
  });
});

describe('what a server did between two readings', () => {
  const reading = (
    micros: number,
    busy: number,
    fetch: number,
    rows: number,
    batches: number,
  ): PlainStats => ({
    uptime: micros,
    devices: [
      {
        id: 'cpu',
        runtime: 'onnx',
        provider: 'cpu',
        simulated: false,
        instances: 1,
        busy,
        starved: { fetch, prep: 0, batching: 0 },
        blocked: 0,
        idle: micros - busy - fetch,
      },
    ],
    endpoints: [{ name: 'online', rows, batches, computeMicros: 1 }],
    jobs: [],
  });
  const before = reading(1000, 900, 0, 50, 50);
  const after = reading(3000, 2400, 400, 1050, 70);

  test('is shares of that time alone', () => {
    expect(devicesBetween(before, after)).toMatchObject([
      { id: 'cpu', busy: 0.75, starved: { total: 0.2, fetch: 0.2 }, blocked: 0, idle: 0.05 },
    ]);
  });

  test('and rows in its batches', () => {
    expect(meanBatchRows(before, after)).toBe(50);
    expect(meanBatchRows(before, before)).toBeNull();
  });
});

test('a job has rows for a device that runs full batches all the time', () => {
  const { penstock } = REPORT.capacity;
  const device = { ...(penstock.devices[0] as (typeof penstock.devices)[number]), busy: 0.5 };
  const capacity = { ...penstock, rowsPerSecond: 1000, meanBatchRows: 16, devices: [device] };
  expect(deviceRowsPerSecond(capacity, 64)).toBe(8000);
});
