import { mkdirSync } from 'node:fs';
import { parseJob, parseServeConfig } from 'penstock';
import { describe, expect, onTestFinished, test } from 'vitest';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';
import { range } from '../helpers/range.js';
import { readColumn, workspace } from '../helpers/workspace.js';
import { recording } from '../serve/serving.js';

type ServingModule = typeof import('../../src/cluster/serving.js');
const { startServing, withOwnPorts }: ServingModule = await import(
  new URL('../../dist/cluster/serving.js', import.meta.url).href
);

/** A job over rows of one number each, a file a row: as many splits. */
function jobOf(at: ReturnType<typeof workspace>, values: readonly number[], rest: object) {
  mkdirSync(at('data'));
  for (const [i, value] of values.entries()) {
    const name = String(i).padStart(4, '0');
    writeArrow(at('data', `${name}.arrow`), [[int32('id', [i]), vectors('x', 1, [value])]]);
  }
  return parseJob({
    name: 'queued',
    source: { uri: at('data') },
    inputs: { x: { column: 'x', shape: [1] } },
    model: { runtime: 'simulated' },
    sink: { uri: at('out'), keep: ['id'] },
    ...rest,
  });
}

async function serving(models: object, drainMs = 60_000) {
  const config = parseServeConfig({ listen: { port: 0, grpcPort: null }, models });
  const started = await startServing(config, { drainMs });
  onTestFinished(() => started.close());
  const { url } = started.server;
  const infer = async (value: number) => {
    const body = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [value] }] };
    const answer = await fetch(`${url}/v2/models/m/infer`, { method: 'POST', body: JSON.stringify(body) });
    const { outputs } = (await answer.json()) as { outputs?: { data: number[] }[] };
    return { status: answer.status, value: outputs?.[0]?.data[0] };
  };
  const isReady = async () => (await fetch(`${url}/v2/health/ready`)).status === 200;
  return { started, infer, isReady };
}

describe('a worker that serves', () => {
  test('runs shards beside its requests, and tells of them', async () => {
    const at = workspace();
    const { started, infer } = await serving({ m: recording().model() });
    const job = jobOf(at, range(1, 20), {});
    const shards = [0, 1].map((index) => started.run(job, { shard: { index, count: 2 } }));
    expect(await infer(3)).toEqual({ status: 200, value: 6 });
    const reports = await Promise.all(shards);
    expect(reports.reduce((rows, report) => rows + report.rows.written, 0)).toBe(20);
    expect(await readColumn(at('out'), 'id')).toEqual(range(0, 20));
    const metrics = await (await fetch(`${started.server.url}/metrics`)).text();
    expect(metrics).toMatch(/penstock_job_rows_total\{job_name="queued"[^}]*\} \d+/);
    expect(started.server.engine.stats().jobs).toMatchObject([{ name: 'queued', state: 'completed' }]);
  });

  test('drains both: it is not ready, refuses requests, and waits for its shard', async () => {
    const at = workspace();
    const device = recording();
    const { started, infer, isReady } = await serving({ m: device.model() });
    const { model } = device.model() as { model: object };
    const report = started.run(jobOf(at, [1, -1, 2], { model, batch: { size: 1, order: 'fixed' } }), {});
    await device.runs(-1);
    expect(await isReady()).toBe(true);
    const closed = started.close();
    expect(await isReady()).toBe(false);
    expect((await infer(1)).status).toBe(503);
    device.open();
    expect((await report).rows.written).toBe(3);
    await closed;
    await expect(isReady()).rejects.toThrow();
  });
});

describe('ports of processes on one host', () => {
  const listen = (port: number, grpcPort: number | null, index: number) =>
    withOwnPorts(
      parseServeConfig({ listen: { port, grpcPort }, models: { m: { model: { uri: 'm' } } } }),
      index,
    ).listen;

  test('are apart from each other', () => {
    expect(listen(8000, 8001, 0)).toMatchObject({ port: 8000, grpcPort: 8001 });
    expect(listen(8000, 8001, 3)).toMatchObject({ port: 8030, grpcPort: 8031 });
    expect(listen(0, null, 3)).toMatchObject({ port: 0, grpcPort: null });
  });

  test('that there are not are an error', () => {
    expect(() => listen(65_530, null, 1)).toThrow(
      'listen.port: 65530 leaves no port for process 1 of this host',
    );
  });
});
