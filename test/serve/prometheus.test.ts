import { describe, expect, test } from 'vitest';
import { Prometheus } from '../../src/serve/metrics/prometheus.js';
import { lint, parseExposition, type ScrapedFamily } from './exposition.js';
import { QuietEngine } from './quiet-engine.js';

const ABOUT = { name: 'digits', version: '1.2.3' };

async function scrape(engine: QuietEngine): Promise<Map<string, ScrapedFamily>> {
  return parseExposition(await new Prometheus(engine, ABOUT).scrape());
}

/** The one sample that has these labels. */
function sampleOf(
  families: Map<string, ScrapedFamily>,
  name: string,
  labels: Record<string, string> = {},
): number {
  const found = [...families.values()]
    .flatMap(({ samples }) => samples)
    .filter(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    );
  expect(found, name).toHaveLength(1);
  return found[0]?.value as number;
}

function busyEngine(): QuietEngine {
  const engine = new QuietEngine();
  engine.answered('digits', [400, 2_000], [600, 2_000], [30_000_000, 1_000_000]);
  Object.assign(engine.count('digits'), { batches: 2, capacity: 128, queuedRows: 7, queuedBytes: 21_952 });
  Object.assign(engine.count('digits').refused, { full: 5, late: 2 });
  engine.addDevice('cpu', {
    busy: 3e6,
    starved: { fetch: 1e6, prep: 5e5, batching: 25e4 },
    blocked: 1,
    idle: 2e6,
  });
  engine.jobs.push({ name: 'nightly', state: 'running', rows: 1_000, splits: 10, splitsDone: 4 });
  return engine;
}

describe('/metrics', () => {
  test('is as promtool wants it: help, types, names, base units', async () => {
    const families = await scrape(busyEngine());
    expect([...families.values()].flatMap(lint)).toEqual([]);
    const text = await new Prometheus(busyEngine(), ABOUT).scrape();
    for (const [name, { type }] of families) {
      expect(text).toMatch(new RegExp(`^# HELP ${name} .+\\n# TYPE ${name} ${type}$`, 'm'));
    }
  });

  test('tells what the engine counts', async () => {
    const families = await scrape(busyEngine());
    const digits = { endpoint: 'digits', model: 'digits' };
    expect(sampleOf(families, 'penstock_requests_total', { ...digits, outcome: 'succeeded' })).toBe(3);
    expect(sampleOf(families, 'penstock_requests_total', { ...digits, outcome: 'full' })).toBe(5);
    expect(sampleOf(families, 'penstock_requests_total', { ...digits, outcome: 'late' })).toBe(2);
    // Those that have not happened are there too, so that a rate has somewhere to start from.
    expect(sampleOf(families, 'penstock_requests_total', { ...digits, outcome: 'failed' })).toBe(0);
    expect(sampleOf(families, 'penstock_rows_total', digits)).toBe(3);
    expect(sampleOf(families, 'penstock_batches_total', digits)).toBe(2);
    expect(sampleOf(families, 'penstock_batch_capacity_rows_total', digits)).toBe(128);
    expect(sampleOf(families, 'penstock_queue_rows', digits)).toBe(7);
    expect(sampleOf(families, 'penstock_queue_bytes', digits)).toBe(21_952);
    expect(sampleOf(families, 'penstock_device_busy_seconds_total', { device: 'cpu' })).toBe(3);
    for (const [cause, seconds] of Object.entries({ fetch: 1, prep: 0.5, batching: 0.25 }))
      expect(sampleOf(families, 'penstock_device_starved_seconds_total', { device: 'cpu', cause })).toBe(
        seconds,
      );
    expect(sampleOf(families, 'penstock_device_blocked_seconds_total', { device: 'cpu' })).toBe(1e-6);
    expect(sampleOf(families, 'penstock_device_idle_seconds_total', { device: 'cpu' })).toBe(2);
    expect(
      sampleOf(families, 'penstock_device_info', { runtime: 'onnx', provider: 'cpu', simulated: 'false' }),
    ).toBe(1);
    expect(sampleOf(families, 'penstock_job_rows_total', { job_name: 'nightly' })).toBe(1_000);
    expect(sampleOf(families, 'penstock_job_splits_done', { job_name: 'nightly' })).toBe(4);
    expect(sampleOf(families, 'penstock_job_state', { job_name: 'nightly', state: 'running' })).toBe(1);
    expect(sampleOf(families, 'penstock_job_state', { job_name: 'nightly', state: 'failed' })).toBe(0);
    expect(sampleOf(families, 'penstock_info', ABOUT)).toBe(1);
    expect(sampleOf(families, 'process_start_time_seconds')).toBeGreaterThan(0);
  });

  test('has histograms whose buckets grow up to the count', async () => {
    const families = await scrape(busyEngine());
    const histograms = [...families.values()].filter(
      ({ name, type }) => type === 'histogram' && name.startsWith('penstock_'),
    );
    expect(histograms.map(({ name }) => name)).toEqual([
      'penstock_request_duration_seconds',
      'penstock_request_queue_seconds',
      'penstock_request_compute_seconds',
    ]);
    for (const { name, samples } of histograms) {
      for (const endpoint of ['digits', 'bulk']) {
        const own = samples.filter(({ labels }) => labels.endpoint === endpoint);
        const buckets = own.filter(({ labels }) => labels.le !== undefined);
        const bounds = buckets.map(({ labels }) => Number(labels.le?.replace('+Inf', 'Infinity')));
        expect(bounds).toEqual(bounds.toSorted((a, b) => a - b));
        expect(bounds.at(-1)).toBe(Number.POSITIVE_INFINITY);
        const counts = buckets.map(({ value }) => value);
        expect(counts).toEqual(counts.toSorted((a, b) => a - b));
        expect(counts.at(-1)).toBe(own.find((sample) => sample.name === `${name}_count`)?.value);
      }
    }
  });

  test('puts times into the buckets that they belong to, longer ones than all into the last', async () => {
    const families = await scrape(busyEngine());
    const upTo = (name: string, le: string): number =>
      sampleOf(families, `${name}_bucket`, { endpoint: 'digits', le });
    // 0.4 ms, 0.6 ms, 30 s
    expect(['0.0005', '0.001', '10', '30'].map((le) => upTo('penstock_request_queue_seconds', le))).toEqual([
      1, 2, 2, 3,
    ]);
    // 2.4 ms, 2.6 ms, 31 s
    expect(
      ['0.001', '0.0025', '0.005', '30', '+Inf'].map((le) => upTo('penstock_request_duration_seconds', le)),
    ).toEqual([0, 1, 2, 2, 3]);
    const sum = sampleOf(families, 'penstock_request_queue_seconds_sum', { endpoint: 'digits' });
    expect(sum).toBeCloseTo(30.001, 9);
    expect(sampleOf(families, 'penstock_request_queue_seconds_count', { endpoint: 'digits' })).toBe(3);
    expect(sampleOf(families, 'penstock_request_queue_seconds_count', { endpoint: 'bulk' })).toBe(0);
  });

  test('asks the engine once a scrape, and not between', async () => {
    const engine = busyEngine();
    const prometheus = new Prometheus(engine, ABOUT);
    const before = engine.asked;
    await prometheus.scrape();
    await prometheus.scrape();
    expect(engine.asked).toBe(before + 2);
    engine.isReady = false;
    engine.count('digits').succeeded = 1_000;
    const later = parseExposition(await prometheus.scrape());
    expect(sampleOf(later, 'penstock_ready')).toBe(0);
    expect(sampleOf(later, 'penstock_requests_total', { endpoint: 'digits', outcome: 'succeeded' })).toBe(
      1_000,
    );
  });

  test('keeps names that hold anything', async () => {
    const engine = new QuietEngine();
    engine.jobs.push({ name: 'a "b"\\n\nc', state: 'running', rows: 3, splits: 1, splitsDone: 0 });
    expect(sampleOf(await scrape(engine), 'penstock_job_rows_total', { job_name: 'a "b"\\n\nc' })).toBe(3);
  });

  test('of two servers in one process are of each', async () => {
    const [one, two] = [new QuietEngine({ a: 'm' }), new QuietEngine({ b: 'm' })];
    const texts = [new Prometheus(one, ABOUT), new Prometheus(two, ABOUT)].map((each) => each.scrape());
    const [first = '', second = ''] = await Promise.all(texts);
    expect(first).toContain('endpoint="a"');
    expect(first).not.toContain('endpoint="b"');
    expect(second).toContain('endpoint="b"');
  });
});
