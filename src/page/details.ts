import type { GpuUtilization, Spread } from '../measure/gpu/types.js';
import type { DeviceReport, Report } from '../measure/report.js';
import { bytes, counted, duration, millis, percentExact, whole } from '../util/figures.js';
import { chosen } from './chosen.js';
import { figure, percentOf } from './figure.js';
import { type Html, html } from './html.js';
import { gauge, stackedBar } from './marks.js';

interface Row {
  readonly name: string;
  readonly value: Html;
  /** Drawn under it. */
  readonly drawing?: Html;
}

function list(rows: readonly Row[]): Html {
  return html`<dl class="list">${rows.map(
    ({ name, value, drawing }) => html`<div><dt>${name}</dt><dd>${value}</dd>${drawing ?? ''}</div>`,
  )}</dl>`;
}

/** Batches, times of runs, start and end, rows, memory, what was chosen. */
export function details(report: Report, prefix: string): Html {
  const { batches, devices, rows, memory } = report;
  const at = (key: string, value: number, format: (value: number) => string): Html =>
    figure(prefix + key, value, format);
  return html`<div class="columns">
<section class="card"><h3>Batches</h3>${list([
    { name: 'batches', value: at('batches.count', batches.count, whole) },
    { name: 'rows in each, on average', value: at('batches.meanRows', batches.meanRows, tenth) },
    {
      name: 'full',
      value: at('batches.fill', batches.fill, percentExact),
      drawing: gauge('busy', batches.fill),
    },
    {
      name: 'of it padding',
      value: at('batches.paddingWaste', batches.paddingWaste, percentExact),
      drawing: gauge('blocked', batches.paddingWaste),
    },
  ])}</section>
<section class="card"><h3>A batch takes</h3>${devices.map((device, i) => runTimes(device, `${prefix}devices.${i}.`))}</section>
<section class="card"><h3>Start and end</h3>${startAndEnd(report, prefix)}</section>
<section class="card"><h3>Rows and memory</h3>${list([
    { name: 'rows read', value: at('rows.read', rows.read, whole) },
    { name: 'written', value: at('rows.written', rows.written, whole) },
    { name: 'bad, in _dead_letters', value: at('rows.deadLettered', rows.deadLettered, whole) },
    {
      name: 'of tensors, a second',
      value: at('throughput.inputBytesPerSecond', report.throughput.inputBytesPerSecond, bytes),
    },
    { name: 'kept from an earlier run', value: at('rows.resumed', rows.resumed, whole) },
    { name: 'memory of the ring', value: at('memory.ringBytes', memory.ringBytes, bytes) },
    ...(memory.pinned === undefined
      ? []
      : [{ name: 'pinned for the GPU', value: at('memory.pinned.bytes', memory.pinned.bytes, bytes) }]),
    {
      name: 'of the process, at its peak',
      value: at('memory.peakRssBytes', memory.peakRssBytes, bytes),
      drawing: gauge('memory', memory.peakRssBytes > 0 ? memory.ringBytes / memory.peakRssBytes : 0),
    },
  ])}</section>
</div>
${report.chosen !== undefined && chosen(report.chosen, prefix)}
${devices.map(({ id, busy, utilization }, i) =>
  utilization === null ? '' : gpu(id, busy, utilization, `${prefix}devices.${i}.`),
)}`;
}

const tenth = (value: number): string => value.toFixed(1);

/** Both against the longer of the two. */
function runTimes({ id, runMs, batches, rows }: DeviceReport, prefix: string): Html {
  const longest = Math.max(runMs.p50, runMs.p99);
  const row = (name: 'p50' | 'p99', text: string): Row => ({
    name: text,
    value: figure(`${prefix}runMs.${name}`, runMs[name], millis),
    drawing: gauge('busy', longest > 0 ? runMs[name] / longest : 0),
  });
  return html`<h4>${id}: ${figure(`${prefix}batches`, batches, (count) => `${whole(count)} batch${count === 1 ? '' : 'es'}`)}, ${figure(`${prefix}rows`, rows, (count) => counted(count, 'row'))}</h4>${list([row('p50', 'half of them, at most'), row('p99', '99 of 100, at most')])}`;
}

function startAndEnd(report: Report, prefix: string): Html {
  const { seconds, startupSeconds, drainSeconds } = report;
  const steady = Math.max(0, seconds - startupSeconds - drainSeconds);
  const share = (part: number): number => (seconds > 0 ? part / seconds : 0);
  return html`${stackedBar([
    { mark: 'wait', name: 'start', share: share(startupSeconds) },
    { mark: 'busy', name: 'batches', share: share(steady) },
    { mark: 'idle', name: 'drain', share: share(drainSeconds) },
  ])}${list([
    { name: 'to the first batch', value: figure(`${prefix}startupSeconds`, startupSeconds, duration) },
    { name: 'of batches', value: html`${duration(steady)}` },
    {
      name: 'after the last, to be written',
      value: figure(`${prefix}drainSeconds`, drainSeconds, duration),
    },
    { name: 'all of it', value: figure(`${prefix}seconds`, seconds, duration) },
  ])}`;
}

const GPU_SHARES = [
  ['gpu', 'a kernel ran'],
  ['smActive', 'multiprocessors at work'],
  ['smOccupancy', 'warps in flight'],
  ['tensorActive', 'tensor cores at work'],
  ['memoryBusy', 'memory read or written'],
  ['dramActive', "of the memory's bandwidth"],
] as const;

const GPU_FIGURES = [
  ['memoryUsedBytes', 'memory used', bytes],
  ['watts', 'power', (value: number) => `${whole(value)} W`],
  ['celsius', 'temperature', (value: number) => `${whole(value)} °C`],
  ['smClockMhz', 'clock', (value: number) => `${whole(value)} MHz`],
  ['memoryClockMhz', "memory's clock", (value: number) => `${whole(value)} MHz`],
  ['pcieReceivedBytesPerSecond', 'from the host', (value: number) => `${bytes(value)}/s`],
  ['pcieSentBytesPerSecond', 'to the host', (value: number) => `${bytes(value)}/s`],
] as const;

/** That a batch ran says nothing of how much of the GPU it used: what the GPU says stands beside it. */
function gpu(id: string, busy: number, utilization: GpuUtilization, prefix: string): Html {
  const { name, source, samples, memoryTotalBytes } = utilization;
  const path = `${prefix}utilization.`;
  const shares = GPU_SHARES.flatMap(([key, text]) => {
    const spread = utilization[key];
    return spread === null ? [] : [gpuShare(text, spread, `${path}${key}.mean`)];
  });
  const figures = GPU_FIGURES.flatMap(([key, text, format]) => {
    const spread = utilization[key];
    return spread === null ? [] : [{ name: text, value: figure(`${path}${key}.mean`, spread.mean, format) }];
  });
  const total =
    memoryTotalBytes === null
      ? []
      : [
          {
            name: 'memory there is',
            value: figure(`${path}memoryTotalBytes`, memoryTotalBytes, bytes),
          },
        ];
  return html`<section class="card gpu"><h3>What the GPU says <small>${id}: ${name}, ${source}, asked ${figure(`${path}samples`, samples, whole)} times</small></h3>
<div class="columns"><dl class="list"><div><dt>a batch was running, by our clock</dt><dd>${figure(`${prefix}busy`, busy, percentExact)}</dd>${gauge('busy', busy)}</div>${shares}</dl>${list([...figures, ...total])}</div></section>`;
}

/** The mean as a bar, with a mark at the 95th percentile. */
function gpuShare(name: string, { mean, p95 }: Spread, key: string): Html {
  return html`<div><dt>${name}</dt><dd>${figure(key, mean, percentExact)}</dd><div class="gauge" title="95th percentile ${percentExact(p95)}"><i class="fill-fetch" style="width:${percentOf(Math.min(1, mean))}"></i><b style="left:${percentOf(Math.min(1, p95))}"></b></div></div>`;
}
