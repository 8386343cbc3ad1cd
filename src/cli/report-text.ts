import { relative, sep } from 'node:path';
import { shardText } from '../dataset/shard.js';
import type { Choice, Report } from '../measure/report.js';
import { devicesText } from './devices-text.js';
import { labelled, type ReportStyle } from './labels.js';
import { bytes, counted, duration, percent, perSecond, printable, whole, wrap } from './text.js';

/** A report for people. `output`: where the job wrote to, if anywhere. */
export function reportText(report: Report, output: string | undefined, style: ReportStyle): string {
  const { colors, width } = style;
  const lines = [...wrap(headline(report), width).map(colors.bold), ''];
  const row = (label: string, text: string): void => void lines.push(...labelled(label, text, style));

  const ran = report.batches.count > 0;
  if (ran) lines.push(...devicesText(report.devices, style));
  row('rows', rowsText(report));
  if (ran) {
    row('time', timeText(report));
    row('batches', batchesText(report));
    row('producers', producersText(report));
    const changed = report.chosen?.filter(({ from }) => from !== undefined) ?? [];
    for (const [i, choice] of changed.entries()) row(i === 0 ? 'auto' : '', choiceText(choice));
  }
  row('memory', memoryText(report));
  if (output !== undefined) row('output', shortPath(output));
  if (ran) row('limited by', `${report.bottleneck}. ${report.advice}`);
  for (const warning of report.warnings) {
    lines.push('', ...wrap(`warning: ${warning}`, width).map((line) => colors.yellow(line)));
  }
  return lines.join('\n');
}

function memoryText({ memory: { ringBytes, peakRssBytes, pinned } }: Report): string {
  const share =
    pinned === undefined || pinned.bytes === 0
      ? ''
      : `, ${bytes(pinned.bytes)} of ${WHAT[pinned.what]} pinned`;
  return `${bytes(ringBytes)} ring${share}, ${bytes(peakRssBytes)} peak`;
}

const WHAT = { ring: 'it', staging: 'copies of slots' } as const;

function headline({ job, shard, rows, batches, seconds, throughput }: Report): string {
  const name = shard === undefined ? printable(job) : `${printable(job)}, shard ${shardText(shard)}`;
  if (batches.count === 0) {
    if (shard !== undefined && rows.resumed + rows.read === 0) return `${name}: no rows are in it`;
    const done = rows.resumed > 0 ? ': an earlier run of this job has done them all' : '';
    return `${name}: nothing left to do in ${counted(rows.resumed + rows.read, 'row')}${done}`;
  }
  const { rowsPerSecond, inputBytesPerSecond } = throughput;
  const rate = `${perSecond(rowsPerSecond, 'rows')}, ${bytes(inputBytesPerSecond)}/s of tensors`;
  return `${name}: ${counted(rows.read, 'row')} in ${duration(seconds)} (${rate})`;
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

/** What `auto` came to while the job ran. */
function choiceText({ key, from = 0, value, because }: Choice): string {
  return `${key} ${whole(value)} instead of ${whole(from)}: ${because}`;
}

/** As a user in this directory would write it. */
export function shortPath(path: string): string {
  const short = relative('', path);
  return short === '' || short === '..' || short.startsWith(`..${sep}`) ? path : short;
}
