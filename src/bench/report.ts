import { availableParallelism } from 'node:os';
import type { Report } from '../measure/report.js';
import { round } from '../measure/report.js';
import { isRemote } from '../storage/uri.js';
import { percent } from '../util/figures.js';
import { adviceFrom } from './advice.js';
import { efficiencyOf, type Facts, kneeOf, limitOf, whatIfs } from './conclusions.js';
import { median, rateOf, spreadOf } from './rate.js';
import type { Rounds } from './rounds.js';
import type { Sample } from './sample.js';
import type { Subject } from './subject.js';
import { medianRun } from './sweep-runs.js';
import type { BenchReport, Ceiling, PointToPoint, Rate, Sweep } from './types.js';

/** Runs that lie further apart than this, as a share of their median, were disturbed. */
const NOISY_SPREAD = 0.25;

/** A pipeline that does so many times what its slowest stage does was measured at a better moment. */
const IMPOSSIBLE = 1.05;

export interface ReportInput {
  readonly subject: Subject;
  readonly rounds: Rounds;
  readonly sample: Sample;
  readonly sweep: Sweep | undefined;
  readonly quick: boolean;
  readonly seconds: number;
  readonly machine: BenchReport['machine'];
  readonly warnings: readonly string[];
}

/** What was measured, and what follows from it. */
export function reportOf(input: ReportInput): BenchReport {
  const { subject, rounds, sample, sweep, quick, seconds, machine } = input;
  const { results, device } = rounds;
  const { instances, rowBytes, plan } = subject;
  const { producers } = rounds;
  const rate = (runs: readonly { readonly rowsPerSecond: number }[]): Rate =>
    rateOf(runs.map(({ rowsPerSecond }) => rowsPerSecond));
  const pipeline = rate(results.pipeline);
  const loop = rate(results.loop);
  const ceilings = {
    storage: throughputOf(results.storage),
    loader: tensorsOf(rate(results.loader), rowBytes),
    device: tensorsOf(rateOf(device.ceilings), rowBytes),
    sink: results.sink.length === 0 ? null : throughputOf(results.sink),
  };
  const { report } = medianRun(results.pipeline);
  const facts: Facts = {
    ceilings: {
      storage: ceilings.storage.rowsPerSecond.median,
      loader: ceilings.loader.rowsPerSecond.median,
      device: ceilings.device.rowsPerSecond.median,
      sink: ceilings.sink?.rowsPerSecond.median ?? Number.POSITIVE_INFINITY,
    },
    oneMoreProducer: medianOf(rounds.oneMore.producers),
    oneMoreInstance: medianOf(rounds.oneMore.instances),
    curve: device.curve,
    isFixed: device.isFixed,
    batch: batchOf(subject, device.own),
    producers,
    instances,
    loaderShares: sharesOf(medianRun(results.loader).report),
    pipeline: pipeline.median,
    report,
  };
  const limitedBy = limitOf(facts);
  const whatIf = whatIfs(facts);
  return {
    job: subject.job.name,
    status: 'completed',
    date: new Date().toISOString(),
    machine,
    quick,
    seconds: round(seconds, 2),
    readFrom: readFrom(subject),
    rows: sample.slow.rows,
    batchSize: plan.batch.size,
    producers,
    instances,
    ceilings,
    fullBatch: device.own,
    curve: facts.curve,
    knee: kneeOf(facts.curve),
    pipeline: { rowsPerSecond: pipeline, report },
    pointToPoint: { rowsPerSecond: loop, shares: loopShares(input) },
    efficiency: efficiencyOf(facts),
    speedup: round(pipeline.median / loop.median, 4),
    limitedBy,
    whatIf,
    ...(sweep && { sweep }),
    advice: adviceFrom(facts, limitedBy, whatIf, sharesCores(subject)),
    warnings: [
      ...new Set([...input.warnings, ...noiseOf(ceilings, pipeline, loop), ...told(subject, rounds, report)]),
    ],
  };
}

function throughputOf(
  runs: readonly { readonly rowsPerSecond: number; readonly bytesPerSecond: number }[],
): Ceiling {
  return {
    rowsPerSecond: rateOf(runs.map(({ rowsPerSecond }) => rowsPerSecond)),
    bytesPerSecond: Math.round(median(runs.map(({ bytesPerSecond }) => bytesPerSecond))),
  };
}

function tensorsOf(rowsPerSecond: Rate, rowBytes: number): Ceiling {
  return { rowsPerSecond, bytesPerSecond: Math.round(rowsPerSecond.median * rowBytes) };
}

const medianOf = (ratios: readonly number[]): number | undefined =>
  ratios.length === 0 ? undefined : median(ratios);

function readFrom({ job: { source } }: Subject): NonNullable<BenchReport['readFrom']> {
  if (!isRemote(source.uri)) return 'page cache';
  return source.cache === undefined ? 'remote storage' : 'local cache';
}

/** Of variable length, batches are as large as the token budget lets them be. */
function batchOf({ plan: { batch } }: Subject, rows: number): Facts['batch'] {
  const { size, maxTokens } = batch;
  if (maxTokens === undefined || rows >= size) return { key: 'batch.size', value: size, rows };
  return { key: 'batch.maxTokens', value: maxTokens, rows };
}

function sharesOf({ producers: { fetch, decode, transform, collate } }: Report): Facts['loaderShares'] {
  return { fetch, prep: decode + transform + collate };
}

function loopShares({ rounds: { results } }: ReportInput): PointToPoint['shares'] {
  const sum = { fetch: 0, prep: 0, run: 0, write: 0 };
  for (const { micros } of results.loop) {
    for (const step of ['fetch', 'prep', 'run', 'write'] as const) sum[step] += micros[step];
  }
  const all = sum.fetch + sum.prep + sum.run + sum.write;
  const share = (micros: number): number => (all > 0 ? round(micros / all) : 0);
  return { fetch: share(sum.fetch), prep: share(sum.prep), run: share(sum.run), write: share(sum.write) };
}

/** Whether the model runs on the cores that producers and sink need. */
function sharesCores({ model, producers, specs }: Subject): boolean {
  const { provider, simulated } = model.device;
  if (simulated) return producers + 1 > availableParallelism();
  if (!['cpu', 'wasm', 'tfjs-node', 'module'].includes(provider)) return false;
  const threads = specs.reduce((sum, { intraOpNumThreads }) => sum + intraOpNumThreads, 0);
  return producers + threads >= availableParallelism();
}

function noiseOf(ceilings: BenchReport['ceilings'], pipeline: Rate, loop: Rate): string[] {
  const stages: [string, Rate | undefined][] = [
    ['storage', ceilings.storage.rowsPerSecond],
    ['loader', ceilings.loader.rowsPerSecond],
    ['device', ceilings.device.rowsPerSecond],
    ['sink', ceilings.sink?.rowsPerSecond],
    ['pipeline', pipeline],
    ['point to point', loop],
  ];
  const noisy = stages.flatMap(([name, rate]) =>
    rate !== undefined && spreadOf(rate) > NOISY_SPREAD ? [`${name} ${percent(spreadOf(rate))}`] : [],
  );
  const warnings =
    noisy.length === 0
      ? []
      : [
          `the machine was noisy, or the time too short: from the slowest run to the fastest it was, of the median, ${noisy.join(', ')}`,
        ];
  const lowest = Math.min(...stages.slice(0, -2).flatMap(([, rate]) => rate?.median ?? []));
  if (pipeline.median <= IMPOSSIBLE * lowest) return warnings;
  return [
    ...warnings,
    'the pipeline did more than its slowest stage alone, which can only be noise: run it again',
  ];
}

function told({ model }: Subject, { device }: Rounds, report: Report): string[] {
  const simulated = model.device.simulated
    ? [`${model.device.id} is simulated: its times are made up, not measured`]
    : [];
  return [...simulated, ...model.warnings, ...device.warnings, ...report.warnings];
}
