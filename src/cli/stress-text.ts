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
import { counted, duration, percent, perSecond, printable, truncate, whole, wrap } from './text.js';

const NAME_WIDTH = 20;
const COLUMNS = [
  ['offered', 8],
  ['in time', 9],
  ['', 6],
  ['p50', 9],
  ['p99', 9],
  ['p99.9', 9],
  ['refused', 9],
  ['within', 9],
  ['busy', 6],
  ['starved', 9],
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

function tableText(scenarios: readonly ScenarioReport[], { colors }: ReportStyle): string[] {
  const head = COLUMNS.map(([title, width]) => title.padStart(width)).join('');
  const lines = [colors.dim(`  ${'requests/s'.padEnd(NAME_WIDTH)}${head}`)];
  for (const { title, servers } of scenarios) {
    lines.push(`  ${colors.bold(title)}`);
    for (const kind of SERVERS) lines.push(...outcomeText(kind, servers[kind]));
  }
  return lines;
}

/** A line; of several streams, one each. */
function outcomeText(kind: ServerKind, outcome: Outcome): string[] {
  const { streams, job } = outcome;
  const name = SERVER_NAMES[kind];
  const lines = streams.map((stream, i) => {
    const first = i === 0 ? name : '';
    const called = streams.length === 1 ? first : `${first.slice(0, 8).padEnd(9)}${printable(stream.name)}`;
    return `    ${truncate(called, NAME_WIDTH - 3).padEnd(NAME_WIDTH - 2)}${cellsOf(stream, outcome, i === 0)}`;
  });
  return job === null
    ? lines
    : [...lines, `      job: ${perSecond(job.rowsPerSecond, 'rows')}${job.endedEarly ? ', over early' : ''}`];
}

function cellsOf(stream: StreamOutcome, outcome: Outcome, withDevice: boolean): string {
  const { offeredPerSecond, goodputPerSecond, goodShare, latencyMs, refusalMs } = stream;
  const starved = Math.max(0, ...outcome.devices.map((device) => device.starved.total));
  const refused = refusedOf(stream);
  const cells = [
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
  return cells.map((cell, i) => cell.padStart(COLUMNS[i]?.[1] ?? 0)).join('');
}

/** `3.04 ms`, `123 ms`, `1.23 s`. */
function latency(ms: number): string {
  if (ms < 9.995) return `${ms.toFixed(2)} ms`;
  return ms < 999.5 ? `${whole(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function timesOf(ratio: number): string {
  return `${ratio < 9.95 ? ratio.toFixed(2) : whole(ratio)} ×`;
}
