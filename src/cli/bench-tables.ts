import type { BenchReport, Ceiling, Rate, Sweep, SweepPoint } from '../bench/types.js';
import type { DeviceReport } from '../measure/report.js';
import { LABELS, label, type ReportStyle } from './labels.js';
import { fitting } from './table.js';
import { bar, bytes, percent, printable, whole, widthOf, wrap } from './text.js';

/* Tables of a bench. Each has the columns that there is room for: a line that wraps is no table. */

const CEILING_COLUMNS = [
  { width: 11, worth: 4 },
  { width: 8, worth: 2 },
  { width: 13, worth: 1 },
  { width: 13, worth: 3 },
] as const;
const LOWEST = '  ◀ the lowest';

const CURVE_COLUMNS = [
  { width: 7, worth: 4 },
  { width: 11, worth: 2 },
  { width: 11, worth: 1 },
  { width: 11, worth: 3 },
] as const;
const BAR_WIDTH = 32;
const LEAST_BAR = 8;
/** `  ◀ now, knee`, and the space before the bar. */
const SIGN_WIDTH = 15;

/** Behind those of the keys, which are worth most. */
const SWEEP_COLUMNS = [
  { title: 'rows/s', worth: 7 },
  { title: 'spread', worth: 4 },
  { title: 'p50', worth: 3 },
  { title: 'p99', worth: 2 },
  { title: 'busy', worth: 6 },
  { title: 'starved by', worth: 5 },
  { title: 'blocked', worth: 1 },
] as const;
const BEST = '  ◀ best';
const GAP = '  ';

/** Columns of a table beside its label. */
function tableRoom({ width, tableWidth = width }: ReportStyle): number {
  return tableWidth - LABELS;
}

/** What each stage does alone, and beside it all of them together. */
export function ceilingsText(
  { ceilings, pipeline, pointToPoint }: BenchReport,
  style: ReportStyle,
): string[] {
  const { colors } = style;
  const now = pipeline.rowsPerSecond.median;
  const all = [ceilings.storage, ceilings.loader, ceilings.device, ...(ceilings.sink ? [ceilings.sink] : [])];
  const lowest = Math.min(...all.map(({ rowsPerSecond }) => rowsPerSecond.median));
  const shown = fitting(CEILING_COLUMNS, tableRoom(style) - widthOf(LOWEST));
  const cells = (texts: readonly string[]): string =>
    shown.map((place) => (texts[place] ?? '').padStart(CEILING_COLUMNS[place]?.width ?? 0)).join('');
  const stage = (name: string, { rowsPerSecond, bytesPerSecond }: Ceiling): string => {
    const { median } = rowsPerSecond;
    const texts = [...rateCells(rowsPerSecond), `${bytes(bytesPerSecond)}/s`, timesOf(median / now)];
    const line = `${label(`  ${name}`, style)}${cells(texts)}`;
    return median === lowest ? `${line}${colors.yellow(LOWEST)}` : line;
  };
  return [
    `${label('ceilings', style)}${colors.dim(cells(['rows/s', 'spread', '', '÷ pipeline']))}`,
    stage('storage', ceilings.storage),
    stage('loader', ceilings.loader),
    stage('device', ceilings.device),
    ...(ceilings.sink === null ? [] : [stage('sink', ceilings.sink)]),
    `${label('pipeline', style)}${cells(rateCells(pipeline.rowsPerSecond))}`.trimEnd(),
    `${label('one by one', style)}${cells(rateCells(pointToPoint.rowsPerSecond))}`.trimEnd(),
  ];
}

function rateCells(rate: Rate): string[] {
  return [figure(rate.median), spreadText(rate)];
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
export function curveText({ curve, knee, batchSize, fullBatch }: BenchReport, style: ReportStyle): string[] {
  const { colors } = style;
  const room = tableRoom(style);
  const full = CURVE_COLUMNS.reduce((sum, { width }) => sum + width, 0);
  const bars = Math.min(BAR_WIDTH, room - full - SIGN_WIDTH);
  // Without bars, signs stand where labels do.
  const isWide = bars >= LEAST_BAR;
  const shown = fitting(CURVE_COLUMNS, room);
  const most = Math.max(...curve.map(({ rowsPerSecond }) => rowsPerSecond.median));
  const cells = (texts: readonly string[]): string =>
    shown.map((place) => (texts[place] ?? '').padStart(CURVE_COLUMNS[place]?.width ?? 0)).join('');
  return [
    `${label('batch size', style)}${colors.dim(cells(['rows', 'p50', 'p99', 'rows/s']))}`,
    ...curve.map((point) => {
      const rate = point.rowsPerSecond.median;
      const signs = [
        ...(point.batchSize === (fullBatch ?? batchSize) ? ['now'] : []),
        ...(point.batchSize === knee.batchSize ? ['knee'] : []),
      ].join(', ');
      const line = cells([
        whole(point.batchSize),
        millis(point.runMs.p50),
        millis(point.runMs.p99),
        figure(rate),
      ]);
      if (!isWide) {
        const sign = signs === '' ? '' : `${signs} ▶`;
        return `  ${colors.yellow(sign)}${' '.repeat(LABELS - 2 - widthOf(sign))}${line}`;
      }
      const drawn = bar(rate / most, bars).padEnd(bars);
      const sign = signs === '' ? '' : `  ◀ ${signs}`;
      return `${label('', style)}${line}  ${colors.green(drawn)}${colors.yellow(sign)}`.trimEnd();
    }),
  ];
}

function millis(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;
}

/** A table: a column a key, then what the pipeline did. Where there is no room for that, a sentence a run. */
export function sweepText(sweep: Sweep, style: ReportStyle): string[] {
  const { keys, points, best } = sweep;
  const { colors, width, tableWidth = width } = style;
  const titles = [...keys, ...SWEEP_COLUMNS.map(({ title }) => title)];
  const rows = points.map((point) => [...keys.map((key) => valueText(point.values[key])), ...cellsOf(point)]);
  const widths = titles.map((title, place) =>
    Math.max(...[title, ...rows.map((row) => row[place] ?? '')].map(widthOf)),
  );
  const columns = widths.map((column, place) => ({
    width: column + GAP.length,
    worth: SWEEP_COLUMNS[place - keys.length]?.worth ?? Number.POSITIVE_INFINITY,
  }));
  const room = tableWidth - BEST.length + GAP.length;
  const beside = fitting(columns, room - LABELS);
  // Below its label it has more room.
  const isBelow = beside.length < columns.length;
  const indent = isBelow ? 2 : LABELS;
  const shown = isBelow ? fitting(columns, room - indent) : beside;
  if (shown.length <= keys.length) return sweepSentences(sweep, style);

  const line = (cells: readonly string[]): string =>
    shown.map((place) => padStart(cells[place] ?? '', widths[place] ?? 0)).join(GAP);
  const head = colors.dim(line(titles));
  return [
    ...(isBelow ? [label('sweep', style).trimEnd(), `  ${head}`] : [`${label('sweep', style)}${head}`]),
    ...rows.flatMap((row, i) => {
      const values = `${' '.repeat(indent)}${line(row)}`.trimEnd();
      const error = points[i]?.error;
      if (error) return failure(values, error, tableWidth);
      return [i === best ? `${values}${colors.yellow(BEST)}` : values];
    }),
  ];
}

function sweepSentences({ keys, points, best }: Sweep, style: ReportStyle): string[] {
  const { colors, width } = style;
  const below = (text: string): string[] => wrap(text, width - 4).map((line) => `    ${line}`);
  return [
    label('sweep', style).trimEnd(),
    ...points.flatMap((point, i) => {
      const values = below(keys.map((key) => `${key} ${valueText(point.values[key])}`).join(', '));
      if (point.error !== null)
        return [...wrap(`failed: ${point.error}`, width - 2).map((line) => `  ${line}`), ...values];
      return [`  ${cellsOf(point)[0] ?? ''} rows/s${i === best ? colors.yellow(BEST) : ''}`, ...values];
    }),
  ];
}

/** Behind the values that could not be run, or below them, why. */
function failure(values: string, error: string, width: number): string[] {
  const why = `failed: ${error}`;
  if (widthOf(values) + GAP.length + widthOf(why) <= width) return [values + GAP + why];
  return [values, ...wrap(why, width - 4).map((text) => `    ${text}`)];
}

function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - widthOf(text))) + text;
}

function cellsOf({ error, rowsPerSecond, device }: SweepPoint): string[] {
  if (error !== null || rowsPerSecond === null || device === null) return [];
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
