import type { GpuUtilization } from '../measure/gpu/types.js';
import type { DeviceReport } from '../measure/report.js';
import { LABELS, label, labelled, type ReportStyle } from './labels.js';
import type { Colors } from './terminal.js';
import { bar, bytes, counted, percent, percentExact, whole } from './text.js';

const BAR_WIDTH = 32;
/** Columns of a number of a device, where there are several beside each other. */
const NUMBER_WIDTH = 9;

type Paint = (text: string) => string;

/** Where the time of a job's devices went: bars for one, a table for several; each followed by an empty line. */
export function devicesText(devices: readonly DeviceReport[], style: ReportStyle): string[] {
  const [first] = devices;
  if (first === undefined) return [];
  if (devices.length > 1) return [...severalText(first, devices, style), ''];
  const { id, runMs, utilization } = first;
  const run = `${millis(runMs.p50)} a batch, p99 ${millis(runMs.p99)}`;
  return [
    ...labelled('device', `${id} (${engineOf(first)}), ${instancesOf(first)}, ${run}`, style),
    ...bars(first, style),
    ...(utilization === null ? [] : labelled('GPU', gpuText(utilization), style)),
    '',
  ];
}

function instancesOf({ instances, isolation }: DeviceReport): string {
  const counts = counted(instances, 'instance');
  if (isolation === 'thread') return counts;
  return `${counts} in ${instances === 1 ? 'a process of its own' : 'processes of their own'}`;
}

function engineOf({ runtime, provider, simulated }: DeviceReport): string {
  return simulated ? 'simulated: its times are made up, not measured' : `${runtime} on ${provider}`;
}

function millis(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;
}

/** Where a device's time went, a heading each; they add up to all of it. */
const headings = (
  colors: Colors,
): readonly { readonly name: string; readonly paint: Paint; share(device: DeviceReport): number }[] => [
  { name: '  busy', paint: colors.green, share: ({ busy }) => busy },
  { name: '  starved', paint: colors.yellow, share: ({ starved }) => starved.total },
  { name: '    fetch', paint: colors.yellow, share: ({ starved }) => starved.fetch },
  { name: '    prep', paint: colors.yellow, share: ({ starved }) => starved.prep },
  { name: '    batching', paint: colors.yellow, share: ({ starved }) => starved.batching },
  { name: '  blocked', paint: colors.red, share: ({ blocked }) => blocked },
];

function bars(device: DeviceReport, style: ReportStyle): string[] {
  const room = Math.max(8, Math.min(BAR_WIDTH, style.width - LABELS - 9));
  return headings(style.colors).map(({ name, paint, share }) => {
    const shown = percentExact(share(device)).padStart(7);
    return `${label(name, style)}${shown}  ${paint(bar(share(device), room))}`.trimEnd();
  });
}

/** A column a device, as many beside each other as there is room for. */
function severalText(first: DeviceReport, devices: readonly DeviceReport[], style: ReportStyle): string[] {
  const about = `${whole(devices.length)} (${engineOf(first)}), ${instancesOf(first)} each`;
  const width = Math.max(NUMBER_WIDTH, ...devices.map(({ id }) => id.length + 1));
  const fitting = Math.max(1, Math.floor((style.width - LABELS) / width));
  const line = (
    name: string,
    part: readonly DeviceReport[],
    cell: (device: DeviceReport) => string,
    paint: Paint,
  ) => label(name, style) + part.map((device) => paint(cell(device).padStart(width))).join('');
  const plain: Paint = (text) => text;
  const blocks = Array.from({ length: Math.ceil(devices.length / fitting) }, (_, block) => {
    const part = devices.slice(block * fitting, (block + 1) * fitting);
    return [
      line('', part, ({ id }) => id, plain),
      ...headings(style.colors).map(({ name, paint, share }) =>
        line(name, part, (device) => percentExact(share(device)), paint),
      ),
      line('  a batch', part, ({ runMs }) => millis(runMs.p50), plain),
      line('    p99', part, ({ runMs }) => millis(runMs.p99), plain),
      line('  batches', part, ({ batches }) => whole(batches), plain),
    ];
  });
  const gpus = devices.flatMap(({ id, utilization }) =>
    utilization === null ? [] : labelled(id, gpuText(utilization), style),
  );
  return [...labelled('devices', about, style), ...blocks.flat(), ...gpus];
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
