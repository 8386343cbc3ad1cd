import { relative, sep } from 'node:path';
import type { GpuUtilization } from '../measure/gpu/types.js';
import type { DeviceReport, Report } from '../measure/report.js';
import type { Colors } from './terminal.js';
import {
  bar,
  bytes,
  counted,
  duration,
  percent,
  percentExact,
  perSecond,
  printable,
  whole,
  wrap,
} from './text.js';

export interface ReportStyle {
  readonly colors: Colors;
  /** Columns that text may take. */
  readonly width: number;
}

/** Columns of the labels, with the spaces around them. */
const LABELS = 14;
const BAR_WIDTH = 32;

/** A report for people. `output`: where the job wrote to, if anywhere. */
export function reportText(report: Report, output: string | undefined, style: ReportStyle): string {
  const { colors, width } = style;
  const lines = [colors.bold(headline(report)), ''];
  const row = (label: string, text: string): void => void lines.push(...labelled(label, text, style));

  const ran = report.batches.count > 0;
  for (const device of ran ? report.devices : []) {
    row('device', deviceText(device));
    lines.push(...shares(device, style));
    if (device.utilization !== null) row('GPU', gpuText(device.utilization));
    lines.push('');
  }
  row('rows', rowsText(report));
  if (ran) {
    row('time', timeText(report));
    row('batches', batchesText(report));
    row('producers', producersText(report));
  }
  row('memory', `${bytes(report.memory.ringBytes)} ring, ${bytes(report.memory.peakRssBytes)} peak`);
  if (output !== undefined) row('output', shortPath(output));
  if (ran) row('limited by', `${report.bottleneck}. ${report.advice}`);
  for (const warning of report.warnings) {
    lines.push('', ...wrap(`warning: ${warning}`, width).map((line) => colors.yellow(line)));
  }
  return lines.join('\n');
}

/** A line of the report: a label and a text beside it, wrapped into its own column. */
export function labelled(label: string, text: string, { colors, width }: ReportStyle): string[] {
  return wrap(text, Math.max(20, width - LABELS)).map(
    (line, index) => `${colors.dim(`  ${(index === 0 ? label : '').padEnd(LABELS - 2)}`)}${line}`,
  );
}

function headline({ job, rows, batches, seconds, throughput }: Report): string {
  const name = printable(job);
  if (batches.count === 0) {
    const done = rows.resumed > 0 ? ': an earlier run of this job has done them all' : '';
    return `${name}: nothing left to do in ${counted(rows.resumed + rows.read, 'row')}${done}`;
  }
  const { rowsPerSecond, inputBytesPerSecond } = throughput;
  const rate = `${perSecond(rowsPerSecond, 'rows')}, ${bytes(inputBytesPerSecond)}/s of tensors`;
  return `${name}: ${counted(rows.read, 'row')} in ${duration(seconds)} (${rate})`;
}

function deviceText({ id, runtime, provider, instances, isolation, simulated, runMs }: DeviceReport): string {
  const engine = simulated ? 'simulated: its times are made up, not measured' : `${runtime} on ${provider}`;
  const processes = instances === 1 ? ' in a process of its own' : ' in processes of their own';
  const where = isolation === 'process' ? processes : '';
  return `${id} (${engine}), ${counted(instances, 'instance')}${where}, ${millis(runMs.p50)} a batch, p99 ${millis(runMs.p99)}`;
}

function millis(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;
}

/** Where the device's time went, a line a heading; they add up to all of it. */
function shares({ busy, starved, blocked }: DeviceReport, { colors, width }: ReportStyle): string[] {
  const room = Math.max(8, Math.min(BAR_WIDTH, width - LABELS - 9));
  const line = (label: string, share: number, paint: (text: string) => string): string =>
    `${colors.dim(`  ${label.padEnd(LABELS - 2)}`)}${percentExact(share).padStart(7)}  ${paint(bar(share, room))}`.trimEnd();
  return [
    line('  busy', busy, colors.green),
    line('  starved', starved.total, colors.yellow),
    line('    fetch', starved.fetch, colors.yellow),
    line('    prep', starved.prep, colors.yellow),
    line('    batching', starved.batching, colors.yellow),
    line('  blocked', blocked, colors.red),
  ];
}

/** Means over the window; what the GPU does not tell is left out. */
function gpuText(gpu: GpuUtilization): string {
  const { gpu: used, smActive, tensorActive, memoryUsedBytes, memoryTotalBytes, watts } = gpu;
  const total = memoryTotalBytes === null ? '' : ` of ${bytes(memoryTotalBytes)}`;
  return [
    used && `in use ${percent(used.mean)}`,
    smActive && `SMs ${percent(smActive.mean)}`,
    tensorActive && `tensor cores ${percent(tensorActive.mean)}`,
    memoryUsedBytes && `memory ${bytes(memoryUsedBytes.p95)}${total}`,
    watts && `${whole(watts.mean)} W`,
  ]
    .filter((text) => text !== null)
    .join(', ')
    .concat(` (${gpu.name})`);
}

function rowsText({ rows }: Report): string {
  const texts = [`${whole(rows.read)} read`, `${whole(rows.written)} written`];
  if (rows.resumed > 0) texts.push(`${whole(rows.resumed)} kept from an earlier run`);
  if (rows.deadLettered > 0) texts.push(`${whole(rows.deadLettered)} bad, in _dead_letters`);
  return texts.join(', ');
}

function timeText({ seconds, startupSeconds, drainSeconds }: Report): string {
  const steady = Math.max(0, seconds - startupSeconds - drainSeconds);
  return `${duration(startupSeconds)} to the first batch, ${duration(steady)} of batches, ${duration(drainSeconds)} after the last`;
}

function batchesText({ batches }: Report): string {
  const { count, meanRows, fill, paddingWaste } = batches;
  const waste = paddingWaste > 0 ? `, ${percent(paddingWaste)} of it padding` : '';
  return `${whole(count)}, ${meanRows.toFixed(1)} rows each, ${percent(fill)} full${waste}`;
}

function producersText({ producers: { count, ...states } }: Report): string {
  const spent = Object.entries(states)
    .filter(([, share]) => share >= 0.005)
    .sort(([, a], [, b]) => b - a)
    .map(([state, share]) => `${state} ${percent(share)}`);
  return `${whole(count)}: ${spent.join(', ')}`;
}

/** As a user in this directory would write it. */
export function shortPath(path: string): string {
  const short = relative('', path);
  return short === '' || short === '..' || short.startsWith(`..${sep}`) ? path : short;
}
