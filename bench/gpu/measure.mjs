// One model on one provider: the knee, the ceilings, a long run with batches at the knee, and what else is set beside it.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repeatFiles } from './data.mjs';
import { penstock } from './penstock.mjs';
import { verdictsOf } from './verdicts.mjs';

/** Providers for which slots can be pinned. */
const PINNED = ['cuda', 'tensorrt'];

/**
 * @typedef {object} Place
 * @property {string} work models, data, jobs and outputs
 * @property {(name: string) => string} result the path of a file among the results
 * @property {boolean} quick
 * @property {number} seconds about what each bench may take
 * @property {number} limitSeconds what no command may take
 * @property {typeof import('./cases.mjs').SIZES['full']} size
 */

/**
 * @param {import('./cases.mjs').HeavyCase} heavy
 * @param {string} provider
 * @param {object} options of the session
 * @param {Place} place
 */
export async function measure(heavy, provider, options, place) {
  const { work, size } = place;
  const name = `${heavy.name}-${provider}`;
  const sink = { uri: join(work, 'out', name), format: 'arrow', keep: ['id'] };
  const job = { ...heavy.job(work, provider, options), sink };
  const { bench, batchSize } = await benchAtKnee(name, job, place);

  const rows = bench.pipeline.rowsPerSecond.median * size.runSeconds;
  const { files, rows: perFile } = heavy.name === 'resnet50' ? size.images : size.texts;
  const uri = join(work, `${name}-data`);
  repeatFiles(job.source.uri, uri, Math.min(1000, Math.max(1, Math.ceil(rows / (files * perFile)))));
  const long = { ...job, source: { ...job.source, uri }, batch: { ...job.batch, size: batchSize } };
  try {
    const run = await runJob(name, long, place);
    keepDocument(place, `${name}-run`, run);
    const pinned = PINNED.includes(provider) ? await comparePinned(name, long, run, place) : null;
    const verdicts = verdictsOf({ bench, run });
    return { model: heavy.name, provider, batchSize, bench, run, pinned, verdicts };
  } finally {
    rmSync(uri, { recursive: true, force: true });
  }
}

/** A quick look for the knee; then everything with batches of that size. */
async function benchAtKnee(name, job, place) {
  const { quick, seconds, result } = place;
  const file = jobFile(name, job, place);
  const first = await bench(file, `${name}-first-look`, ['--quick'], place);
  const batchSize = first.knee.batchSize;
  // The figures are of batches at the knee; with --quick those of the first look will do where it was the size anyway.
  const isEnough = quick && batchSize === job.batch.size;
  const time = quick ? ['--quick'] : ['--seconds', String(seconds)];
  if (isEnough) renameSync(result(`${name}-first-look-bench.html`), result(`${name}-bench.html`));
  const sized = ['--set', `batch.size=${batchSize}`];
  const document = isEnough ? first : await bench(file, name, [...time, ...sized], place);
  keepDocument(place, `${name}-bench`, document);
  return { bench: document, batchSize };
}

function bench(file, name, args, { result, limitSeconds }) {
  const log = result(`logs/${name}-bench.log`);
  return penstock(['bench', file, '--report', result(`${name}-bench.html`), ...args], { log, limitSeconds });
}

/** Outputs are written, and gone afterwards. */
async function runJob(name, job, place) {
  const { result, limitSeconds } = place;
  const file = jobFile(`${name}-run`, job, place);
  const log = result(`logs/${name}-run.log`);
  try {
    return await penstock(['run', file, '--report', result(`${name}-run.html`)], { log, limitSeconds });
  } finally {
    rmSync(job.sink.uri, { recursive: true, force: true });
  }
}

/** The run that was, one without pinned memory, and where there is time each once more. */
async function comparePinned(name, job, first, place) {
  const without = { ...job, ring: { pinned: false } };
  const runs = { with: [first], without: [await runJob(`${name}-unpinned`, without, place)] };
  if (!place.quick) {
    runs.with.push(await runJob(`${name}-again`, job, place));
    runs.without.push(await runJob(`${name}-unpinned-again`, without, place));
  }
  keepDocument(place, `${name}-unpinned-run`, runs.without[0]);
  return {
    told: first.memory.pinned ?? null,
    with: summarised(runs.with),
    without: summarised(runs.without),
  };
}

/** Of some runs of the same job: means. */
export function summarised(runs) {
  const mean = (of) => runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
  return {
    runs: runs.length,
    rowsPerSecond: mean(steadyRate),
    busy: mean(({ devices }) => devices[0].busy),
    runMs: mean(({ devices }) => devices[0].runMs.p50),
  };
}

/** Rows a second from the first batch to the last. */
export function steadyRate({ rows, seconds, startupSeconds, drainSeconds }) {
  return rows.read / (seconds - startupSeconds - drainSeconds);
}

function keepDocument({ result }, name, document) {
  writeFileSync(result(`${name}.json`), `${JSON.stringify(document, null, 2)}\n`);
}

function jobFile(name, job, { work }) {
  const file = join(work, `${name}.json`);
  writeFileSync(file, JSON.stringify(job, null, 2));
  return file;
}
