// What a suite found, for people: summary.md.
import { fastest } from './pytorch.mjs';
import { deviceOf, percent } from './verdicts.mjs';

/**
 * @typedef {object} Results
 * @property {string} title
 * @property {string} date
 * @property {boolean} quick
 * @property {any} doctor the document of `penstock doctor`, or null where it failed
 * @property {{ model: string, about: string }[]} models
 * @property {any[]} parity
 * @property {any[]} figures
 * @property {{ torch: string } | { missing: string } | null} torch null where it was left out
 * @property {{ name: string, seconds: number, error: string | null }[]} steps
 */

/** @param {Results} results */
export function summaryText(results) {
  const { title, date, quick, models, parity, figures, torch, steps } = results;
  const failed = steps.filter(({ error }) => error !== null);
  const seconds = steps.reduce((sum, step) => sum + step.seconds, 0);
  return [
    `# ${title}`,
    '',
    `${date}, ${Math.round(seconds)} s${quick ? ', with `--quick`: small images and little data, a first look' : ''}.`,
    ...machineText(results),
    '',
    ...section('Verdicts', verdictLines(figures)),
    ...section('Speed, at the knee', figuresTable(figures)),
    ...section('What the GPU said meanwhile (NVML)', utilizationTable(figures)),
    ...section('PyTorch, side by side', torchLines(figures, torch)),
    ...section('Pinned memory', pinnedLines(figures)),
    ...section('Parity', parityTable(parity)),
    ...section(
      'Models',
      models.map(({ model, about }) => `- **${model}**: ${about}. Weights of a seed, data of noise.`),
    ),
    ...section(
      'What failed',
      failed.map(({ name, error }) => `- ${name}: ${error}`),
    ),
  ].join('\n');
}

function section(heading, lines) {
  return lines.length === 0 ? [] : [`## ${heading}`, '', ...lines, ''];
}

function machineText({ doctor }) {
  if (doctor === null) return [];
  const { machine, gpus, adapter, onnxruntime, providers, penstock } = doctor;
  const gpu =
    gpus.devices.length > 0
      ? `${gpus.devices.map(({ name }) => name).join(', ')}, driver ${gpus.driver}`
      : 'no NVIDIA GPU';
  const webgpu = adapter.description
    ? `WebGPU on ${adapter.description}${adapter.software ? ', which is software' : ''}`
    : 'no WebGPU adapter';
  return [
    '',
    `- ${gpu}; ${webgpu}`,
    `- ${machine.cpu.cores} × ${machine.cpu.model}, ${(machine.memory.totalBytes / 1e9).toFixed(0)} GB`,
    `- Penstock ${penstock}, Node.js ${machine.node}, ONNX Runtime ${onnxruntime.version}; providers that work: ` +
      providers
        .filter(({ status }) => status === 'ok')
        .map(({ name }) => name)
        .join(', '),
  ];
}

function verdictLines(figures) {
  return figures.flatMap(({ model, provider, verdicts }) =>
    verdicts.map(({ what, seen, met, todo }) => {
      const line = `- ${met ? '✓' : '✗'} ${model} on ${provider}: ${what}: ${seen}`;
      return todo === null ? line : `${line}; ${todo}`;
    }),
  );
}

function figuresTable(figures) {
  return table(
    [
      'model',
      'on',
      'batch',
      'storage',
      'loader',
      'device',
      'pipeline',
      '÷ device',
      'run',
      'busy',
      'starved',
      'a batch',
    ],
    figures.map(({ model, provider, batchSize, bench, run }) => {
      const { storage, loader, device } = bench.ceilings;
      const own = deviceOf(run);
      const pipeline = bench.pipeline.rowsPerSecond.median;
      return [
        model,
        provider,
        batchSize,
        ...[storage, loader, device].map((stage) => rate(stage.rowsPerSecond.median)),
        rate(pipeline),
        percent(pipeline / device.rowsPerSecond.median),
        rate(run.throughput.rowsPerSecond),
        percent(own.busy),
        starved(own.starved),
        `${own.runMs.p50.toFixed(2)} ms`,
      ];
    }),
  );
}

function starved({ total, ...causes }) {
  const named = Object.entries(causes).filter(([, share]) => share >= 0.0005);
  return total < 0.0005 ? '–' : named.map(([cause, share]) => `${cause} ${percent(share)}`).join(', ');
}

function utilizationTable(figures) {
  const told = figures.filter(({ run }) => deviceOf(run).utilization !== null);
  return table(
    ['model', 'on', 'busy', 'GPU', 'SMs', 'tensor cores', 'memory bandwidth', 'power', 'memory', 'samples'],
    told.map(({ model, provider, run }) => {
      const { busy, utilization } = deviceOf(run);
      const share = (spread) => (spread === null ? '–' : percent(spread.mean));
      const { gpu, smActive, tensorActive, dramActive, watts, memoryUsedBytes, samples } = utilization;
      return [
        model,
        provider,
        percent(busy),
        ...[gpu, smActive, tensorActive, dramActive].map(share),
        watts === null ? '–' : `${watts.mean.toFixed(0)} W`,
        memoryUsedBytes === null ? '–' : `${(memoryUsedBytes.p95 / 1e9).toFixed(1)} GB`,
        samples,
      ];
    }),
  );
}

function torchLines(figures, torch) {
  if (torch === null) return [];
  if ('missing' in torch) return [`Not measured: PyTorch is not on this host (${torch.missing}).`];
  const compared = figures.filter((one) => one.torch !== undefined);
  if (compared.length === 0)
    return [`Not measured: PyTorch ${torch.torch} is here, and has none of the devices above.`];
  const [{ torch: first }] = compared;
  return [
    ...table(
      ['model', 'on', 'batch', '', 'loader', 'device', 'pipeline', '÷ device', 'idle', 'GPU (NVML)'],
      compared.flatMap((one) => [penstockRow(one), torchRow(one)]),
    ),
    '',
    `The same files, weights and batch size; outputs written. PyTorch with ${first.settings}; of its numbers of workers the best is shown. *idle*: the share of the time in which the device had no batch.`,
  ];
}

function penstockRow({ model, provider, batchSize, bench, run }) {
  const { loader, device } = bench.ceilings;
  const own = deviceOf(run);
  const pipeline = bench.pipeline.rowsPerSecond.median;
  return [
    model,
    provider,
    batchSize,
    'Penstock',
    rate(loader.rowsPerSecond.median),
    rate(device.rowsPerSecond.median),
    rate(pipeline),
    percent(pipeline / device.rowsPerSecond.median),
    percent(1 - own.busy),
    gpuShare(own.utilization),
  ];
}

function torchRow({ torch: { torch, loaders, deviceAlone, pipelines, utilization } }) {
  const [loader, pipeline] = [fastest(loaders), fastest(pipelines)];
  const byWorkers = ({ rowsPerSecond, workers }) => `${rate(rowsPerSecond)} (${workers} workers)`;
  return [
    '',
    '',
    '',
    `PyTorch ${torch}`,
    byWorkers(loader),
    rate(deviceAlone.rowsPerSecond),
    byWorkers(pipeline),
    percent(pipeline.rowsPerSecond / deviceAlone.rowsPerSecond),
    percent(1 - pipeline.busy),
    gpuShare(utilization),
  ];
}

function gpuShare(utilization) {
  return utilization?.gpu ? percent(utilization.gpu.mean) : '–';
}

function pinnedLines(figures) {
  const compared = figures.filter(({ pinned }) => pinned);
  if (compared.length === 0) return [];
  const failed = compared.filter(({ pinned }) => pinned.told?.error !== undefined);
  return [
    ...table(
      ['model', 'on', '', 'pinned', 'rows a second', 'busy', 'a batch', 'runs'],
      compared.flatMap(({ model, provider, pinned }) => [
        [model, provider, 'pinned', mebibytes(pinned.told?.bytes ?? 0), ...pinnedCells(pinned.with)],
        ['', '', 'not pinned', '–', ...pinnedCells(pinned.without)],
      ]),
    ),
    ...failed.flatMap(({ model, pinned }) => ['', `${model}: not all could be pinned: ${pinned.told.error}`]),
  ];
}

function pinnedCells({ rowsPerSecond, busy, runMs, runs }) {
  return [rate(rowsPerSecond), percent(busy), `${runMs.toFixed(2)} ms`, runs];
}

function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

function parityTable(parity) {
  return table(
    ['model', 'on', 'against', 'rows', 'largest difference', 'allowed', 'same largest output', ''],
    parity.map(({ model, provider, against, rows, relative, tolerance, sameLargest, agrees }) => [
      model,
      provider,
      against,
      rows,
      relative.toExponential(1),
      tolerance.toExponential(0),
      percent(sameLargest),
      agrees ? 'agrees' : '**differs**',
    ]),
  );
}

function rate(rowsPerSecond) {
  if (rowsPerSecond >= 100) return Math.round(rowsPerSecond).toLocaleString('en-US');
  return rowsPerSecond.toPrecision(3);
}

function table(head, rows) {
  if (rows.length === 0) return [];
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
