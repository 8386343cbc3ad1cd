import type { QueueStatus, RunStatus, WorkerStatus } from '../cluster/status.js';
import type { ReportStyle } from './labels.js';
import { type Cell, type Column, table } from './table.js';
import type { Colors } from './terminal.js';
import {
  bar,
  counted,
  duration,
  percent,
  perSecond,
  printable,
  stopwatch,
  truncate,
  whole,
  wrap,
} from './text.js';

const BAR_WIDTH = 10;
const LONGEST_NAME = 28;

const RUNS: readonly Column[] = [
  { title: 'RUN' },
  { title: 'JOB' },
  { title: 'STATE' },
  { title: 'SHARDS', right: true },
  { title: '' },
  { title: 'ROWS', right: true },
  { title: 'ROWS/S', right: true },
  { title: 'LEFT', right: true },
  { title: 'PRIORITY', right: true },
  { title: 'WEIGHT', right: true },
];

const WORKERS: readonly Column[] = [
  { title: 'WORKER' },
  { title: 'RUNS ON' },
  { title: 'AT WORK ON' },
  { title: 'SHARDS', right: true },
  { title: 'ROWS', right: true },
  { title: 'UP', right: true },
];

/** A queue for people: its runs and workers, and why something does not go on. */
export function statusText(status: QueueStatus, style: ReportStyle, now: number): string {
  const { colors, width } = style;
  const { runs, workers } = status;
  const open = runs.filter(({ endedAt, state }) => endedAt === null && state !== 'cancelled').length;
  const place = `${status.queue}${status.name === 'penstock' ? '' : ` ${status.name}`}`;
  const counts = `${counted(open, 'run')} to do, ${counted(workers.length, 'worker')}`;
  const lines = [colors.bold(truncate(`${place}: ${counts}`, width))];
  if (runs.length > 0) {
    lines.push(
      '',
      ...table(
        RUNS,
        runs.map((run) => runRow(run, colors)),
        width,
        colors.dim,
      ),
    );
    for (const run of runs) lines.push(...remarks(run, style));
  }
  if (workers.length > 0) {
    lines.push(
      '',
      ...table(
        WORKERS,
        workers.map((worker) => workerRow(worker, now)),
        width,
        colors.dim,
      ),
    );
  }
  return lines.join('\n');
}

function runRow(
  { run, job, state, shards, rows, rowsPerSecond, ...more }: RunStatus,
  colors: Colors,
): Cell[] {
  const share = shards.total === 0 ? 1 : shards.done / shards.total;
  const isRunning = state === 'running';
  return [
    { text: run },
    { text: truncate(printable(job), LONGEST_NAME), paint: colors.bold },
    { text: state, paint: paintOf(state, colors) },
    { text: `${whole(shards.done)}/${whole(shards.total)}` },
    { text: bar(share, BAR_WIDTH).padEnd(BAR_WIDTH, '·'), paint: colors.cyan },
    { text: whole(rows) },
    { text: isRunning ? whole(rowsPerSecond) : '' },
    { text: more.secondsLeft === null ? '' : stopwatch(more.secondsLeft) },
    { text: whole(more.priority) },
    { text: String(more.weight) },
  ];
}

function paintOf(state: RunStatus['state'], colors: Colors): (text: string) => string {
  if (state === 'failed') return colors.red;
  if (state === 'cancelled' || state === 'waiting') return colors.yellow;
  return state === 'completed' ? colors.green : (text) => text;
}

/** What the table has no column for. */
function remarks({ run, unmet, error, shards }: RunStatus, { colors, width }: ReportStyle): string[] {
  const about = (text: string, paint: (text: string) => string): string[] =>
    wrap(`${run}: ${text}`, width - 2).map((line) => paint(truncate(`  ${line}`, width)));
  return [
    ...(unmet.length > 0 ? about(`nobody can take its shards: ${unmet.join('; ')}`, colors.yellow) : []),
    ...(error === null ? [] : error.split('\n').flatMap((line) => about(line.trim(), colors.red))),
    ...(shards.delayed > 0
      ? about(`${counted(shards.delayed, 'shard')} to be tried again`, colors.yellow)
      : []),
  ];
}

function workerRow({ id, offer, at, done, draining, since }: WorkerStatus, now: number): Cell[] {
  const providers = offer.providers === null ? ['…'] : [...new Set(Object.values(offer.providers).flat())];
  const labels = Object.entries(offer.labels).map(([key, value]) => `${key}=${value}`);
  const doing = at === null ? 'idle' : `${printable(at.job)} ${at.index + 1}/${at.count}`;
  return [
    { text: id },
    { text: [...providers, ...labels].join(' ') || '–' },
    { text: draining ? `${doing}, ending` : doing },
    { text: whole(done.shards) },
    { text: whole(done.rows) },
    { text: stopwatch((now - Date.parse(since)) / 1000) },
  ];
}

/** One run for people: where it stands, and what is at work on it. */
export function runStatusText(run: RunStatus, style: ReportStyle): string {
  const { colors, width } = style;
  const { shards } = run;
  const counts = [
    `${whole(shards.done)} of ${counted(shards.total, 'shard')} done`,
    `${whole(shards.active)} at work`,
    `${whole(shards.waiting)} waiting`,
    ...(shards.delayed > 0 ? [`${whole(shards.delayed)} to be tried again`] : []),
  ];
  const speed = run.state === 'running' ? `, ${perSecond(run.rowsPerSecond, 'rows')}` : '';
  const left = run.secondsLeft === null ? '' : `, about ${duration(run.secondsLeft)} left`;
  const lines = [
    `${colors.bold(printable(run.job))}: run ${run.run} ${paintOf(run.state, colors)(run.state)}`,
    ...wrap(`${counts.join(', ')}; ${counted(run.rows, 'row')}${speed}${left}`, width - 2).map(
      (line) => `  ${line}`,
    ),
    ...remarks(run, style),
  ];
  if (run.working.length > 0) {
    const columns = [
      { title: 'SHARD', right: true },
      { title: 'WORKER' },
      { title: 'SPLITS', right: true },
      { title: 'ROWS/S', right: true },
      { title: 'BUSY', right: true },
      { title: '' },
    ];
    const rows = run.working.map(({ index, worker, attempt, progress }) => [
      { text: whole(index + 1) },
      { text: worker ?? '' },
      { text: progress === null ? '' : `${whole(progress.splits)}/${whole(progress.totalSplits)}` },
      { text: progress === null ? 'starting' : whole(progress.rowsPerSecond) },
      { text: progress === null ? '' : percent(progress.busy) },
      { text: [...(attempt > 1 ? [`attempt ${attempt}`] : []), progress?.note ?? ''].join(' ').trim() },
    ]);
    lines.push('', ...table(columns, rows, width, colors.dim));
  }
  return lines.join('\n');
}
