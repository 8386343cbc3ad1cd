import type { RunDevice, RunReport, RunWorker } from '../cluster/run-summary.js';
import { labelled, type ReportStyle } from './labels.js';
import { shortPath } from './report-text.js';
import { counted, duration, percent, perSecond, printable, whole, wrap } from './text.js';

/** Workers that are told of one by one. */
const MOST_WORKERS = 16;

/** The report of a run of many shards, for people. `output`: where it wrote to, if anywhere. */
export function runReportText(report: RunReport, output: string | undefined, style: ReportStyle): string {
  const { colors, width } = style;
  const { rows, batches, workers, shards, seconds, throughput } = report;
  const name = printable(report.job);
  const ran = batches.count > 0;
  const headline = ran
    ? `${name}: ${counted(rows.read, 'row')} in ${duration(seconds)} (${perSecond(throughput.rowsPerSecond, 'rows')}), ${counted(shards, 'shard')} on ${counted(workers.length, 'worker')}`
    : `${name}: nothing left to do in ${counted(rows.resumed, 'row')}`;
  const lines = [...wrap(headline, width).map(colors.bold), ''];
  const row = (label: string, text: string): void => void lines.push(...labelled(label, text, style));
  for (const [place, worker] of workers.slice(0, MOST_WORKERS).entries()) {
    row(place === 0 ? 'workers' : '', workerText(worker));
  }
  if (workers.length > MOST_WORKERS) row('', `and ${whole(workers.length - MOST_WORKERS)} more`);
  row('rows', rowsText(report));
  if (ran) row('batches', `${whole(batches.count)}, ${batches.meanRows.toFixed(1)} rows each`);
  if (ran)
    row(
      'devices',
      sharesText(report.shares) + (report.simulated ? ' (simulated: made up, not measured)' : ''),
    );
  if (output !== undefined) row('output', shortPath(output));
  if (ran) row('limited by', `${report.bottleneck}. ${report.advice}`);
  for (const warning of report.warnings) {
    lines.push('', ...wrap(`warning: ${warning}`, width).map((line) => colors.yellow(line)));
  }
  return lines.join('\n');
}

function workerText({ id, shards, rows, seconds, devices }: RunWorker): string {
  const each = devices.map(
    (device) => `${device.id} ${device.simulated ? 'simulated' : device.provider}, ${sharesText(device)}`,
  );
  return [`${id}: ${counted(shards, 'shard')}, ${counted(rows, 'row')}, ${duration(seconds)}`, ...each].join(
    '; ',
  );
}

function sharesText({ busy, starved, blocked }: Pick<RunDevice, 'busy' | 'starved' | 'blocked'>): string {
  return `busy ${percent(busy)}, starved ${percent(starved.total)}, blocked ${percent(blocked)}`;
}

function rowsText({ rows }: RunReport): string {
  const texts = [`${whole(rows.read)} read`, `${whole(rows.written)} written`];
  if (rows.resumed > 0) texts.push(`${whole(rows.resumed)} kept from an earlier run`);
  if (rows.deadLettered > 0) texts.push(`${whole(rows.deadLettered)} bad, in _dead_letters`);
  return texts.join(', ');
}
