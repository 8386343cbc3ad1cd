import { busyOf, refusedOf } from '../stress/findings.js';
import {
  type Capacity,
  type Outcome,
  type ScenarioReport,
  SERVERS,
  type ServerKind,
  type StreamOutcome,
  type StressReport,
} from '../stress/types.js';
import { SERVER_NAMES } from '../stress/warnings.js';
import { labelled, type ReportStyle } from './labels.js';
import { fitting } from './table.js';
import { counted, duration, pad, percent, perSecond, printable, truncate, whole, wrap } from './text.js';

const NAME_WIDTH = 20;
/** Where there is less room, columns that are worth least are left out. */
const COLUMNS = [
  { title: 'offered', width: 8, worth: 3 },
  { title: 'in time', width: 9, worth: 10 },
  { title: '', width: 6, worth: 9 },
  { title: 'p50', width: 9, worth: 6 },
  { title: 'p99', width: 9, worth: 8 },
  { title: 'p99.9', width: 9, worth: 2 },
  { title: 'refused', width: 9, worth: 7 },
  { title: 'within', width: 9, worth: 4 },
  { title: 'busy', width: 6, worth: 5 },
  { title: 'starved', width: 9, worth: 1 },
] as const;

/** A stress test for people: what it means first, then the table. */
export function stressText(report: StressReport, style: ReportStyle): string {
  const { colors, width } = style;
  const { scenarios, findings, leftOut, warnings } = report;
  const lines = [...headline(report, style), '', ...capacityText(report, style)];
  if (scenarios.length > 0) lines.push('', ...tableText(scenarios, style));
  for (const [i, finding] of findings.entries())
    lines.push('', ...labelled(i === 0 ? 'it means' : '', finding, style));
  if (leftOut.length > 0) lines.push('');
  for (const [i, { name, why }] of leftOut.entries())
    lines.push(...labelled(i === 0 ? 'left out' : '', `${name}: ${why}`, style));
  for (const warning of warnings)
    lines.push('', ...wrap(`warning: ${warning}`, width).map((line) => colors.yellow(line)));
  return lines.join('\n');
}

function headline(report: StressReport, { colors, width }: ReportStyle): string[] {
  const { name, capacity, endpoint, machine, seconds, scenarioSeconds, quick, seed } = report;
  const told =
    `${printable(name)}: ${perSecond(capacity.penstock.requestsPerSecond, 'requests')} at the most, ` +
    `${timesOf(capacity.ratio)} what the same model answers request by request`;
  const deadline = endpoint.deadlineMs === null ? 'no deadline' : `a deadline of ${endpoint.deadlineMs} ms`;
  const where =
    `requests of ${counted(endpoint.rows, 'row')} to ${printable(endpoint.name)}, with ${deadline}; ${duration(scenarioSeconds)} each` +
    `${quick ? ', quick' : ''}, seed ${seed}; in ${duration(seconds)} on ${counted(machine.cores, 'core')} (${machine.cpu}), the ` +
    `load generator's among them, Node ${machine.node.replace(/^v/, '')}`;
  return [...wrap(told, width).map(colors.bold), ...wrap(where, width).map(colors.dim)];
}

function capacityText({ capacity }: StressReport, style: ReportStyle): string[] {
  const told = (
    kind: ServerKind,
    { requestsPerSecond, clients, meanBatchRows, devices }: Capacity,
  ): string => {
    const batches =
      kind === 'pointToPoint' || meanBatchRows === null
        ? ''
        : `, ${meanBatchRows.toFixed(1)} rows in a batch`;
    const busy = percent(busyOf({ devices }));
    return `${SERVER_NAMES[kind]}: ${perSecond(requestsPerSecond, 'requests')} with ${counted(clients, 'client')}${batches}, device busy ${busy}`;
  };
  return SERVERS.flatMap((kind, i) => labelled(i === 0 ? 'capacity' : '', told(kind, capacity[kind]), style));
}

function tableText(scenarios: readonly ScenarioReport[], style: ReportStyle): string[] {
  const { colors, width, tableWidth = width } = style;
  const shown = fitting(COLUMNS, tableWidth - NAME_WIDTH - 2);
  const cells = (texts: readonly string[]): string =>
    shown.map((place) => (texts[place] ?? '').padStart(COLUMNS[place]?.width ?? 0)).join('');
  const head = cells(COLUMNS.map(({ title }) => title));
  const lines = [colors.dim(`  ${'requests/s'.padEnd(NAME_WIDTH)}${head}`)];
  for (const { title, servers } of scenarios) {
    lines.push(`  ${colors.bold(title)}`);
    for (const kind of SERVERS) lines.push(...outcomeText(kind, servers[kind], cells));
  }
  if (shown.length === COLUMNS.length) return lines;
  const missing = COLUMNS.filter(({ title }, place) => title !== '' && !shown.includes(place));
  const told = `Wider terminals have ${missing.map(({ title }) => title).join(', ')}, too; and --report all of it.`;
  return [...lines, ...wrap(told, width - 2).map((line) => colors.dim(`  ${line}`))];
}

/** A line; of several streams, one each. */
function outcomeText(
  kind: ServerKind,
  outcome: Outcome,
  line: (cells: readonly string[]) => string,
): string[] {
  const { streams, job } = outcome;
  const name = SERVER_NAMES[kind];
  const lines = streams.map((stream, i) => {
    const first = i === 0 ? name : '';
    const called = streams.length === 1 ? first : `${first.slice(0, 8).padEnd(9)}${printable(stream.name)}`;
    return `    ${pad(truncate(called, NAME_WIDTH - 3), NAME_WIDTH - 2)}${line(cellsOf(stream, outcome, i === 0))}`;
  });
  return job === null
    ? lines
    : [...lines, `      job: ${perSecond(job.rowsPerSecond, 'rows')}${job.endedEarly ? ', over early' : ''}`];
}

function cellsOf(stream: StreamOutcome, outcome: Outcome, withDevice: boolean): string[] {
  const { offeredPerSecond, goodputPerSecond, goodShare, latencyMs, refusalMs } = stream;
  const starved = Math.max(0, ...outcome.devices.map((device) => device.starved.total));
  const refused = refusedOf(stream);
  return [
    whole(offeredPerSecond),
    whole(goodputPerSecond),
    percent(goodShare),
    latency(latencyMs.p50),
    latency(latencyMs.p99),
    latency(latencyMs.p999),
    refused === 0 ? '–' : whole(refused),
    refusalMs === null ? '–' : latency(refusalMs.p99),
    ...(withDevice ? [percent(busyOf(outcome)), percent(starved)] : []),
  ];
}

/** `3.04 ms`, `123 ms`, `1.23 s`. */
function latency(ms: number): string {
  if (ms < 9.995) return `${ms.toFixed(2)} ms`;
  return ms < 999.5 ? `${whole(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function timesOf(ratio: number): string {
  return `${ratio < 9.95 ? ratio.toFixed(2) : whole(ratio)} ×`;
}
