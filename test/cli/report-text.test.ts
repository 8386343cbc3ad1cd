import { sep } from 'node:path';
import pc from 'picocolors';
import { describe, expect, test } from 'vitest';
import { reportText } from '../../src/cli/report-text.js';
import { widthOf } from '../../src/cli/text.js';
import type { Report } from '../../src/measure/report.js';

const style = { colors: pc.createColors(false), width: 80 };

const REPORT: Report = {
  job: 'digits',
  status: 'completed',
  fingerprint: 'f0',
  rows: { read: 100_000, written: 100_000, deadLettered: 0, resumed: 0 },
  batches: { count: 1563, meanRows: 63.98, fill: 0.99968, paddingWaste: 0 },
  seconds: 7.1,
  startupSeconds: 0.64,
  drainSeconds: 0.01,
  throughput: { rowsPerSecond: 14_084.9, inputBytesPerSecond: 44_170_354 },
  devices: [
    {
      id: 'cpu',
      runtime: 'onnx',
      provider: 'cpu',
      instances: 1,
      isolation: 'thread',
      batches: 1563,
      rows: 100_000,
      simulated: false,
      busy: 0.818,
      starved: { total: 0.182, fetch: 0.021, prep: 0.063, batching: 0.098 },
      blocked: 0,
      runMs: { p50: 3.04, p99: 10.88 },
      utilization: null,
    },
  ],
  producers: { count: 1, fetch: 0.06, decode: 0.01, transform: 0, collate: 0.08, blocked: 0.84, idle: 0.01 },
  memory: { ringBytes: 1_626_112, peakRssBytes: 216_748_032 },
  bottleneck: 'batching',
  advice: 'The device waited 10 % of the time while rows waited for company: lower batch.maxDelayMs.',
  warnings: [],
};

describe('the report for people', () => {
  test('is a page of aligned lines', () => {
    expect(reportText(REPORT, `${process.cwd()}${sep}out`, style)).toBe(`\
digits: 100,000 rows in 7.10 s (14,085 rows/s, 44.2 MB/s of tensors)

  device      cpu (onnx on cpu), 1 instance, 3.04 ms a batch, p99 10.9 ms
    busy       81.8 %  ██████████████████████████▏
    starved    18.2 %  █████▉
      fetch     2.1 %  ▋
      prep      6.3 %  ██
      batching  9.8 %  ███▏
    blocked     0.0 %

  rows        100,000 read, 100,000 written
  time        0.64 s to the first batch, 6.45 s of batches, 0.01 s after the
              last
  batches     1,563, 64.0 rows each, 100 % full
  producers   1: blocked 84 %, collate 8 %, fetch 6 %, decode 1 %, idle 1 %
  memory      1.6 MB ring, 216.7 MB peak
  output      out
  limited by  batching. The device waited 10 % of the time while rows waited for
              company: lower batch.maxDelayMs.`);
  });

  test('says where sessions ran in processes of their own', () => {
    const deviceLine = (instances: number): string => {
      const devices = REPORT.devices.map((device) => ({
        ...device,
        instances,
        isolation: 'process' as const,
      }));
      return reportText({ ...REPORT, devices }, undefined, { ...style, width: 200 });
    };
    expect(deviceLine(1)).toContain('cpu (onnx on cpu), 1 instance in a process of its own, 3.04 ms a batch');
    expect(deviceLine(2)).toContain('2 instances in processes of their own, ');
  });

  test('says what the GPU says of itself, as far as it does', () => {
    const [device] = REPORT.devices;
    if (device === undefined) throw new Error('no device');
    const spread = (value: number) => ({ mean: value, p50: value, p95: value });
    const untold = {
      memoryBusy: null,
      celsius: null,
      smClockMhz: null,
      memoryClockMhz: null,
      pcieSentBytesPerSecond: null,
      pcieReceivedBytesPerSecond: null,
      smOccupancy: null,
      dramActive: null,
    };
    const utilization = {
      ...untold,
      source: 'nvml',
      name: 'NVIDIA H100',
      samples: 64,
      memoryTotalBytes: 85.9e9,
      gpu: spread(0.97),
      smActive: spread(0.31),
      tensorActive: null,
      memoryUsedBytes: spread(10.7e9),
      watts: spread(412.5),
    } as const;
    const text = reportText({ ...REPORT, devices: [{ ...device, utilization }] }, undefined, style);
    expect(text.replaceAll(/\n +/g, ' ')).toContain(
      'GPU         in use 97 %, SMs 31 %, memory 10.7 GB of 85.9 GB, 413 W (NVIDIA H100)',
    );
  });

  test('tells what auto came to, where that is something else than it began with', () => {
    const chosen = [
      { key: 'producers', from: 1, value: 3, because: 'the device waited' },
      { key: 'ring.slots', value: 8, because: 'to begin with' },
      { key: 'model.instances', from: 1, value: 2, because: 'a core was idle' },
    ];
    expect(reportText({ ...REPORT, chosen }, undefined, style)).toContain(`
  auto        producers 3 instead of 1: the device waited
              model.instances 2 instead of 1: a core was idle
`);
  });

  test('of several devices has a column for each, as many beside each other as there is room for', () => {
    const [one] = REPORT.devices;
    if (one === undefined) throw new Error('no device');
    const cuda = { ...one, provider: 'cuda', instances: 2 };
    const starved = { total: 0.4, fetch: 0, prep: 0.4, batching: 0 };
    const devices = [
      { ...cuda, id: 'cuda:0' },
      { ...cuda, id: 'cuda:1', busy: 0.5, starved, blocked: 0.1, batches: 7 },
      { ...cuda, id: 'cuda:2', busy: 1 },
    ];
    const text = reportText({ ...REPORT, devices }, undefined, { ...style, width: 40 });
    expect(text.slice(text.indexOf('  devices'), text.indexOf('  rows'))).toBe(`\
  devices     3 (onnx on cuda), 2
              instances each
                 cuda:0   cuda:1
    busy         81.8 %   50.0 %
    starved      18.2 %   40.0 %
      fetch       2.1 %    0.0 %
      prep        6.3 %   40.0 %
      batching    9.8 %    0.0 %
    blocked       0.0 %   10.0 %
    a batch     3.04 ms  3.04 ms
      p99       10.9 ms  10.9 ms
    batches       1,563        7
                 cuda:2
    busy        100.0 %
    starved      18.2 %
      fetch       2.1 %
      prep        6.3 %
      batching    9.8 %
    blocked       0.0 %
    a batch     3.04 ms
      p99       10.9 ms
    batches       1,563

`);
    expect(reportText({ ...REPORT, devices }, undefined, style)).toMatch(/ cuda:0 +cuda:1 +cuda:2\n/);
  });

  test('says of a simulated device that it is one, and shows warnings', () => {
    const [device] = REPORT.devices;
    if (device === undefined) throw new Error('no device');
    const simulated = { ...device, id: 'simulated:0', simulated: true };
    const warnings = ['cuda did not start: libcudnn.so.9 is missing'];
    const text = reportText({ ...REPORT, devices: [simulated], warnings }, undefined, style);
    expect(text).toContain('simulated:0 (simulated: its times are made up, not measured)');
    expect(text).toMatch(/\n\nwarning: cuda did not start: libcudnn\.so\.9 is missing$/);
    expect(text).not.toContain('output');
  });

  test('of a run that found everything done tells no times of a device that never ran', () => {
    const rows = { read: 0, written: 0, deadLettered: 0, resumed: 2000 };
    const batches = { count: 0, meanRows: 0, fill: 0, paddingWaste: 0 };
    const text = reportText({ ...REPORT, rows, batches }, undefined, { ...style, width: 100 });
    expect(text).toMatch(
      /^digits: nothing left to do in 2,000 rows: an earlier run of this job has done them all\n/,
    );
    expect(text).not.toContain('busy');
  });

  test('of a shard says which it is, and that it is empty where it is', () => {
    const shard = { index: 3, count: 8 };
    expect(reportText({ ...REPORT, shard }, undefined, style)).toMatch(
      /^digits, shard 3\/8: 100,000 rows in /,
    );
    const rows = { read: 0, written: 0, deadLettered: 0, resumed: 0 };
    const batches = { count: 0, meanRows: 0, fill: 0, paddingWaste: 0 };
    const text = reportText({ ...REPORT, shard, rows, batches }, undefined, style);
    expect(text).toMatch(/^digits, shard 3\/8: no rows are in it\n/);
  });

  test('tells of rows from an earlier run and of bad ones', () => {
    const rows = { read: 10, written: 8, deadLettered: 2, resumed: 5 };
    expect(reportText({ ...REPORT, rows }, undefined, { ...style, width: 100 })).toContain(
      '10 read, 8 written, 5 kept from an earlier run, 2 bad, in _dead_letters',
    );
  });

  test('keeps to its width', () => {
    for (const width of [40, 60, 100]) {
      const lines = reportText(REPORT, undefined, { ...style, width }).split('\n');
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
    }
  });
});
