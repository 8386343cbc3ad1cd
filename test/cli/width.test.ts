import pc from 'picocolors';
import { describe, expect, test } from 'vitest';
import { benchText } from '../../src/cli/bench-text.js';
import { doctorText } from '../../src/cli/doctor-text.js';
import { errorText } from '../../src/cli/fail.js';
import { layOut } from '../../src/cli/help.js';
import { labelled } from '../../src/cli/labels.js';
import { createProgram } from '../../src/cli/program.js';
import { reportText } from '../../src/cli/report-text.js';
import { stressText } from '../../src/cli/stress-text.js';
import { widthOf } from '../../src/cli/text.js';
import type { Diagnosis } from '../../src/job/doctor/types.js';
import { DataError, UsageError } from '../../src/util/errors.js';
import { benchReport, runReport } from '../page/documents.js';
import { stressReport } from '../page/stress-document.js';
import { terminalOf } from './terminals.js';

const WIDTHS = [39, 59, 79, 120];
const colors = pc.createColors(false);
const styleOf = (width: number) => ({ colors, width: Math.min(width, 100), tableWidth: width });

/** Lines that a terminal would break, but for words that can't be. */
function tooWide(text: string, width: number): string[] {
  return text.split('\n').filter((line) => widthOf(line) > width && line.trim().includes(' '));
}

describe.each(WIDTHS)('in %i columns', (width) => {
  const style = styleOf(width);

  test('the help of every command fits, and commands in it stay whole', () => {
    const { terminal } = terminalOf(width + 1);
    const program = createProgram(terminal, () => {});
    for (const command of [program, ...program.commands]) {
      let text = '';
      const writeOut = (some: string): void => {
        text += some;
      };
      command.configureOutput({ ...command.configureOutput(), writeOut });
      command.outputHelp();
      expect(text).toContain('Usage: penstock');
      // To be copied.
      const isCommand = (line: string): boolean =>
        /^(?:Usage:| {2}(?:penstock|curl|PENSTOCK_TOKEN|#)) ?/.test(line);
      expect(tooWide(text, width).filter((line) => !isCommand(line))).toEqual([]);
      if (command.name() !== 'cancel') expect(text).toMatch(/^ {2}penstock (?:\w+ )*[\w.]/m);
    }
  });

  test('the report of a run fits', () => {
    expect(tooWide(reportText(runReport(), 'out', style), width)).toEqual([]);
    const devices = Array.from({ length: 8 }, (_, i) => `cuda:${i}`);
    expect(tooWide(reportText(runReport({ devices, utilization: true }), 'out', style), width)).toEqual([]);
  });

  test('a bench fits, with its tables', () => {
    const text = benchText(benchReport(), style);
    expect(tooWide(text, width)).toEqual([]);
    expect(text.match(/the lowest/g)).toHaveLength(1);
    expect(text).toContain('rows/s');
  });

  test('a stress test fits, and tells what its table left out', () => {
    const text = stressText(stressReport(), style);
    expect(tooWide(text, width)).toEqual([]);
    expect(text).toContain('in time');
    expect(/Wider terminals have/.test(text)).toBe(width < 105);
  });

  test('what the doctor found fits', () => {
    expect(tooWide(doctorText(DIAGNOSIS, style), width)).toEqual([]);
  });

  test('a mistake fits, in one column', () => {
    const one = new DataError(`data.parquet: ${'words '.repeat(30)}end`, {
      hint: `${'do this '.repeat(20)}now`,
    });
    const several = new UsageError(`job.yaml:1: ${'so '.repeat(40)}\njob.yaml:2: ${'so '.repeat(40)}`);
    for (const error of [one, several]) expect(tooWide(errorText(error, colors, width), width)).toEqual([]);
  });
});

const found = (name: string, todo: readonly string[] = []) =>
  ({
    name,
    status: 'absent',
    detail: 'not here, as far as anybody can tell from what was tried',
    todo,
  }) as const;

const DIAGNOSIS = {
  penstock: '1.0.0',
  ok: true,
  probeLimitSeconds: 30,
  machineFindings: [found('Node.js')],
  gpus: found('NVIDIA', ['Install the driver, and look whether nvidia-smi finds the GPU.']),
  adapter: found('WebGPU'),
  pinnedMemory: found('pinned'),
  onnxruntime: { version: '1.0.0', cudaWanted: null, cudnnWanted: null },
  providers: [found('cpu'), found('webgpu')],
  libraries: [],
  packages: [found('koffi'), found('@tensorflow/tfjs-backend-webgpu', ['npm install it, and try again'])],
} as unknown as Diagnosis;

describe('where there is little room', () => {
  test('tables of a bench leave out what says least, and show which batch size is now and which the knee', () => {
    const lines = benchText(benchReport(), styleOf(39)).split('\n');
    const at = (start: RegExp): number => lines.findIndex((line) => start.test(line));
    expect(lines[at(/^ {2}ceilings/)]).toBe('  ceilings         rows/s');
    expect(lines[at(/^ {2}batch size/)]).toBe('  batch size     rows     rows/s');
    expect(
      lines.filter((line) => /^ {2}(?:now, knee|now|knee) ▶ +[\d,]+ +[\d,]+$/.test(line)).length,
    ).toBeGreaterThan(0);
  });

  test('a sweep stands below its label, without columns that say least; then as sentences', () => {
    const rate = (median: number) => ({ median, min: median, max: median, runs: [median] });
    const device = {
      runMs: { p50: 1, p99: 2 },
      busy: 0.5,
      starved: { total: 0, fetch: 0, prep: 0, batching: 0 },
      blocked: 0,
    };
    const ran = { error: null, device, fill: 1, bottleneck: 'device' } as const;
    const sweep = {
      keys: ['batch.size', 'batch.maxDelayMs'],
      best: 1,
      points: [
        { ...ran, values: { 'batch.size': 32, 'batch.maxDelayMs': 5 }, rowsPerSecond: rate(9000) },
        { ...ran, values: { 'batch.size': 64, 'batch.maxDelayMs': 5 }, rowsPerSecond: rate(14_000) },
        {
          values: { 'batch.size': 999, 'batch.maxDelayMs': 5 },
          error: 'the ring needs more memory than it may have',
          rowsPerSecond: null,
          device: null,
          fill: null,
          bottleneck: null,
        },
      ],
    };
    const text = (width: number): string => {
      const all = benchText({ ...benchReport(), sweep }, styleOf(width));
      return all.slice(all.indexOf('  sweep'), all.indexOf('\n\n', all.indexOf('  sweep')));
    };
    expect(text(59)).toBe(`\
  sweep
  batch.size  batch.maxDelayMs  rows/s  busy
          32                 5   9,000  50 %
          64                 5  14,000  50 %  ◀ best
         999                 5
    failed: the ring needs more memory than it may have`);
    expect(text(39)).toBe(`\
  sweep
  9,000 rows/s
    batch.size 32, batch.maxDelayMs 5
  14,000 rows/s  ◀ best
    batch.size 64, batch.maxDelayMs 5
  failed: the ring needs more memory
  than it may have
    batch.size 999, batch.maxDelayMs 5`);
  });

  test('a name too long for a label stands above', () => {
    expect(labelled('digits', 'one two', styleOf(39))).toEqual(['  digits      one two']);
    expect(labelled('sentiment-v2-large', 'one two', styleOf(39))).toEqual([
      '  sentiment-v2-large',
      '              one two',
    ]);
    expect(labelled('数字', 'one', styleOf(39))).toEqual(['  数字        one']);
  });

  test('a hint that is a command is not broken', () => {
    const command = `  duckdb -c "COPY (FROM read_csv('${'x'.repeat(40)}')) TO 'out.parquet'"`;
    const error = new DataError('a.csv: is a CSV file', { hint: `Convert it to Parquet:\n${command}` });
    expect(errorText(error, colors, 39).split('\n')).toContain(`  ${command}`);
  });
});

describe('the text behind a help', () => {
  const text = `
A paragraph of some
words.

Examples:
  penstock demo              see it work
  penstock run job.yaml      run a job, which takes
                             a while
  penstock run job.yaml --json > report.json`;

  test('has two columns where there is room', () => {
    expect(layOut(text, 60)).toBe(`
A paragraph of some words.

Examples:
  penstock demo          see it work
  penstock run job.yaml  run a job, which takes a while
  penstock run job.yaml --json > report.json`);
  });

  test('and one where there is not', () => {
    expect(layOut(text, 39)).toBe(`
A paragraph of some words.

Examples:
  penstock demo
      see it work
  penstock run job.yaml
      run a job, which takes a while
  penstock run job.yaml --json > report.json`);
  });
});
