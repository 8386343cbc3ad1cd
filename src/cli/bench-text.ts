import type { BenchReport, Ceiling, Rate, Sweep, SweepPoint, WhatIf } from '../bench/types.js';
import type { DeviceReport } from '../measure/report.js';
import { devicesText } from './devices-text.js';
import { LABELS, label, labelled, type ReportStyle } from './labels.js';
import { bar, bytes, counted, duration, percent, perSecond, printable, whole, wrap } from './text.js';

const RATE_WIDTH = 11;
const SPREAD_WIDTH = 8;
const BYTES_WIDTH = 14;
const TIMES_WIDTH = 10;
const GAIN_WIDTH = 8;
/** A gain below this is none. */
const WORTH = 0.03;
const BAR_WIDTH = 32;
/** `  ◀ now, knee`, and the space before the bar. */
const SIGN_WIDTH = 15;

/** A bench for people: what limits first, then each stage, the device over batch sizes, and what a change would bring. */
export function benchText(report: BenchReport, style: ReportStyle): string {
  const { colors, width } = style;
  const lines = [...headline(report, style), ''];
  const section = (...some: readonly string[]): void => void lines.push(...some, '');
  section(...ceilingsText(report, style));
  section(...curveText(report, style));
  const { rows, devices } = report.pipeline.report;
  const run = `where the device's time went in the median run, of ${counted(rows.read, 'row')}`;
  lines.push(...labelled('pipeline', run, style), ...devicesText(devices, style));
  section(...loopText(report, style));
  section(...whatIfText(report.whatIf, style));
  if (report.sweep !== undefined) section(...sweepText(report.sweep, style));
  lines.push(...labelled('limited by', report.advice, style));
  for (const warning of report.warnings) {
    lines.push('', ...wrap(`warning: ${warning}`, width).map((line) => colors.yellow(line)));
  }
  return lines.join('\n');
}

const CACHED: Readonly<Record<string, string>> = {
  'page cache': '; data in the page cache',
  'remote storage': '; data read from remote storage every time',
  'local cache': '; remote data in source.cache',
};

function headline(report: BenchReport, { colors, width }: ReportStyle): string[] {
  const { job, pipeline, efficiency, speedup, machine, seconds, quick } = report;
  const told =
    `${printable(job)}: ${perSecond(pipeline.rowsPerSecond.median, 'rows')}, ${percent(efficiency)} of what its slowest ` +
    `stage does alone, and ${speedup.toFixed(1)} × the same steps one after another`;
  const where =
    `measured in ${duration(seconds)}${quick ? ', quickly' : ''}, ${report.pipeline.rowsPerSecond.runs.length} rounds, on ` +
    `${counted(machine.cores, 'core')} (${machine.cpu}), Node ${machine.node.replace(/^v/, '')}${CACHED[report.readFrom ?? ''] ?? ''}`;
  return [...wrap(told, width).map(colors.bold), ...wrap(where, width).map(colors.dim)];
}

/** What each stage does alone, and beside it all of them together. */
function ceilingsText({ ceilings, pipeline, pointToPoint }: BenchReport, style: ReportStyle): string[] {
  const { colors } = style;
  const now = pipeline.rowsPerSecond.median;
  const all = [ceilings.storage, ceilings.loader, ceilings.device, ...(ceilings.sink ? [ceilings.sink] : [])];
  const lowest = Math.min(...all.map(({ rowsPerSecond }) => rowsPerSecond.median));
  const head = [
    'rows/s'.padStart(RATE_WIDTH),
    'spread'.padStart(SPREAD_WIDTH),
    ''.padStart(BYTES_WIDTH),
    '÷ pipeline'.padStart(TIMES_WIDTH + 2),
  ];
  const stage = (name: string, { rowsPerSecond, bytesPerSecond }: Ceiling, what: string): string => {
    const cells = [
      ...rateCells(rowsPerSecond),
      `${bytes(bytesPerSecond)}/s ${what}`.padStart(BYTES_WIDTH),
      timesOf(rowsPerSecond.median / now).padStart(TIMES_WIDTH + 2),
    ];
    const isLowest = rowsPerSecond.median === lowest;
    const line = `${label(`  ${name}`, style)}${cells.join('')}`;
    return isLowest ? `${line}  ${colors.yellow('◀ the lowest')}` : line;
  };
  return [
    `${label('ceilings', style)}${colors.dim(head.join(''))}`,
    stage('storage', ceilings.storage, ''),
    stage('loader', ceilings.loader, ''),
    stage('device', ceilings.device, ''),
    ...(ceilings.sink === null ? [] : [stage('sink', ceilings.sink, '')]),
    `${label('pipeline', style)}${rateCells(pipeline.rowsPerSecond).join('')}`,
    `${label('one by one', style)}${rateCells(pointToPoint.rowsPerSecond).join('')}`,
  ];
}

function rateCells(rate: Rate): string[] {
  return [figure(rate.median).padStart(RATE_WIDTH), spreadText(rate).padStart(SPREAD_WIDTH)];
}

/** Half of what lies between the slowest and the fastest run. */
function spreadText({ median, min, max }: Rate): string {
  return median > 0 ? `± ${percent((max - min) / 2 / median)}` : '';
}

function figure(rate: number): string {
  return rate < 99.5 ? rate.toFixed(rate < 9.95 ? 2 : 1) : whole(rate);
}

function timesOf(ratio: number): string {
  return `${ratio < 9.95 ? ratio.toFixed(2) : whole(ratio)} ×`;
}

/** The device alone over batch sizes. */
function curveText({ curve, knee, batchSize, fullBatch }: BenchReport, style: ReportStyle): string[] {
  const { colors, width } = style;
  const columns = [7, 11, 11, RATE_WIDTH];
  const taken = columns.reduce((sum, column) => sum + column, LABELS + SIGN_WIDTH);
  const room = Math.max(8, Math.min(BAR_WIDTH, width - taken));
  const most = Math.max(...curve.map(({ rowsPerSecond }) => rowsPerSecond.median));
  const cells = (texts: readonly string[]): string =>
    texts.map((text, i) => text.padStart(columns[i] ?? 0)).join('');
  return [
    `${label('batch size', style)}${colors.dim(cells(['rows', 'p50', 'p99', 'rows/s']))}`,
    ...curve.map((point) => {
      const rate = point.rowsPerSecond.median;
      const signs = [
        ...(point.batchSize === (fullBatch ?? batchSize) ? ['now'] : []),
        ...(point.batchSize === knee.batchSize ? ['knee'] : []),
      ];
      const texts = [whole(point.batchSize), millis(point.runMs.p50), millis(point.runMs.p99), figure(rate)];
      const drawn = bar(rate / most, room).padEnd(room);
      const sign = signs.length === 0 ? '' : `  ◀ ${signs.join(', ')}`;
      return `${label('', style)}${cells(texts)}  ${colors.green(drawn)}${colors.yellow(sign)}`.trimEnd();
    }),
  ];
}

function millis(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;
}

function loopText({ pointToPoint }: BenchReport, style: ReportStyle): string[] {
  const { fetch, prep, run, write } = pointToPoint.shares;
  const spent = `fetch ${percent(fetch)}, prep ${percent(prep)}, run ${percent(run)}, write ${percent(write)}`;
  return labelled(
    'one by one',
    `one thread that does all steps, one after another: ${spent} of its time`,
    style,
  );
}

/** What would bring something, with the reason; the rest in a line. */
function whatIfText(whatIf: readonly WhatIf[], style: ReportStyle): string[] {
  const { colors, width } = style;
  const better = whatIf.filter(({ gain }) => gain >= WORTH);
  const longest = Math.max(0, ...better.map((change) => nameOf(change).length));
  const column = longest + GAIN_WIDTH + 2;
  const lines = better.flatMap((change, i) => {
    const gain = `+${percent(change.gain)}`.padStart(GAIN_WIDTH);
    const told = `${perSecond(change.rowsPerSecond, 'rows')}; ${change.because}`;
    const [first = '', ...others] = wrap(told, Math.max(24, width - LABELS - column));
    return [
      `${label(i === 0 ? 'what if' : '', style)}${nameOf(change).padEnd(longest)}${colors.green(gain)}  ${first}`,
      ...others.map((line) => `${label('', style)}${' '.repeat(column)}${line}`),
    ];
  });
  const others = whatIf.filter(({ gain }) => gain < WORTH).map(nameOf);
  if (others.length === 0) return lines;
  return [
    ...lines,
    ...labelled(better.length === 0 ? 'what if' : '', `no gain from ${others.join(', ')}`, style),
  ];
}

/** `producers 1 → 2`, `storage twice as fast` */
function nameOf({ change, from, to }: WhatIf): string {
  return typeof from === 'number' ? `${change} ${from} → ${to}` : `${change} ${to}`;
}

/** A table: a column a key, then what the pipeline did. */
function sweepText({ keys, points, best }: Sweep, style: ReportStyle): string[] {
  const { colors } = style;
  const titles = [...keys, 'rows/s', 'spread', 'p50', 'p99', 'busy', 'starved by', 'blocked'];
  const rows = points.map((point) => [...keys.map((key) => valueText(point.values[key])), ...cellsOf(point)]);
  const widths = titles.map((title, i) =>
    Math.max(
      title.length,
      ...rows.map((row) => (row.length > keys.length + 1 || i < keys.length ? (row[i] ?? '').length : 0)),
    ),
  );
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  ');
  return [
    `${label('sweep', style)}${colors.dim(line(titles))}`,
    ...rows.map((row, i) => {
      const text = `${label('', style)}${line(row)}`;
      return i === best ? `${text}  ${colors.yellow('◀ best')}` : text;
    }),
  ];
}

function cellsOf({ error, rowsPerSecond, device }: SweepPoint): string[] {
  if (error !== null) return [`failed: ${error}`];
  if (rowsPerSecond === null || device === null) return [];
  return [
    figure(rowsPerSecond.median),
    spreadText(rowsPerSecond),
    millis(device.runMs.p50),
    millis(device.runMs.p99),
    percent(device.busy),
    starvedText(device),
    percent(device.blocked),
  ];
}

function starvedText({ starved }: Pick<DeviceReport, 'starved'>): string {
  const causes = (['fetch', 'prep', 'batching'] as const).filter((cause) => starved[cause] >= 0.005);
  if (causes.length === 0) return '–';
  return causes.map((cause) => `${cause} ${percent(starved[cause])}`).join(', ');
}

function valueText(value: unknown): string {
  return printable(typeof value === 'string' ? value : JSON.stringify(value));
}
