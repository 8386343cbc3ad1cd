import type { BenchReport, WhatIf } from '../bench/types.js';
import { ceilingsText, curveText, sweepText } from './bench-tables.js';
import { devicesText } from './devices-text.js';
import { LABELS, label, labelled, type ReportStyle } from './labels.js';
import { counted, duration, percent, perSecond, printable, widthOf, wrap } from './text.js';

const GAIN_WIDTH = 8;
/** Of the reason beside a change; one that would be narrower stands below it. */
const LEAST_REASON = 24;
/** A gain below this is none. */
const WORTH = 0.03;

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
  const longest = Math.max(0, ...better.map((change) => widthOf(nameOf(change))));
  const beside = longest + GAIN_WIDTH + 2;
  const isBelow = width - LABELS - beside < LEAST_REASON;
  const indent = ' '.repeat(LABELS + (isBelow ? 2 : beside));
  const lines = better.flatMap((change, i) => {
    const gain = `+${percent(change.gain)}`.padStart(GAIN_WIDTH);
    const told = `${perSecond(change.rowsPerSecond, 'rows')}; ${change.because}`;
    const [first = '', ...others] = wrap(told, width - indent.length);
    const name = nameOf(change);
    const head = `${label(i === 0 ? 'what if' : '', style)}${name}`;
    const rest = others.map((line) => `${indent}${line}`);
    if (isBelow) return [head, `${indent}${colors.green(gain.trim())}`, `${indent}${first}`, ...rest];
    const gap = ' '.repeat(longest - widthOf(name));
    return [`${head}${gap}${colors.green(gain)}  ${first}`, ...rest];
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
