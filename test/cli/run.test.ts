import { mkdirSync, readdirSync, watch, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readColumn, workspace } from '../helpers/workspace.js';
import { DIGITS_JOB, penstock, repository, start } from './penstock.js';

const share = expect.any(Number);
const count = expect.any(Number);

/** Field by field: programs rely on them. */
const REPORT = {
  job: 'digits',
  status: 'completed',
  fingerprint: expect.stringMatching(/^[0-9a-f]+$/),
  rows: { read: 2000, written: 2000, deadLettered: 0, resumed: 0 },
  batches: { count, meanRows: count, fill: share, paddingWaste: 0 },
  seconds: count,
  startupSeconds: count,
  drainSeconds: count,
  throughput: { rowsPerSecond: count, inputBytesPerSecond: count },
  devices: [
    {
      id: 'cpu',
      runtime: 'onnx',
      provider: 'cpu',
      instances: 1,
      isolation: 'thread',
      simulated: false,
      busy: share,
      starved: { total: share, fetch: share, prep: share, batching: share },
      blocked: share,
      runMs: { p50: count, p99: count },
      utilization: null,
    },
  ],
  producers: {
    count,
    fetch: share,
    decode: share,
    transform: share,
    collate: share,
    blocked: share,
    idle: share,
  },
  memory: { ringBytes: count, peakRssBytes: count },
  bottleneck: expect.stringMatching(/^(device|fetch|prep|batching|sink)$/),
  advice: expect.any(String),
};

describe('run', () => {
  test('--json prints the report as one document, and nothing else on stdout; again, it resumes', async () => {
    const at = workspace();
    const args = ['run', DIGITS_JOB, '--json', '--set', `sink.uri=${at('out')}`];
    const first = await penstock(...args);
    expect(first.code).toBe(0);
    const report = JSON.parse(first.stdout);
    expect(report).toMatchObject(REPORT);
    const [{ busy, starved, blocked }] = report.devices;
    expect(Math.abs(busy + starved.total + blocked - 1)).toBeLessThanOrEqual(0.01);
    expect(await readColumn(at('out'), 'id')).toEqual(Array.from({ length: 2000 }, (_, id) => id));

    const second = await penstock(...args);
    expect(second.code).toBe(0);
    const rows = { read: 0, written: 0, deadLettered: 0, resumed: 2000 };
    expect(JSON.parse(second.stdout)).toMatchObject({ status: 'completed', rows });
  });

  test('without --json the report is for people, on stderr', async () => {
    const at = workspace();
    const { code, stdout, stderr } = await penstock('run', DIGITS_JOB, '--set', `sink.uri=${at('out')}`);
    expect(code).toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^digits: 2,000 rows in \d/);
    for (const text of ['device', 'busy', 'starved', 'blocked', 'limited by', `output      ${at('out')}`]) {
      expect(stderr).toContain(text);
    }
    expect(stderr).not.toContain('\x1b');
  });

  test('--overwrite replaces what another job has written', async () => {
    const at = workspace();
    const args = ['run', DIGITS_JOB, '--set', `sink.uri=${at('out')}`];
    await penstock(...args, '--set', 'sink.keep=[id]');
    const refused = await penstock(...args);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('--overwrite');
    expect((await penstock(...args, '--overwrite')).code).toBe(0);
    expect(await readColumn(at('out'), 'label')).toHaveLength(2000);
  });
});

describe('Ctrl-C', () => {
  /** Four parts, each taking five batches of `batchMicros`. */
  function slowJob(at: (...names: string[]) => string, batchMicros: number): string {
    writeFileSync(
      at('job.yaml'),
      `name: slow
source: { uri: ${repository}examples/digits/digits.arrow }
model: { runtime: simulated, options: { batchMicros: ${batchMicros} } }
inputs: { pixels: { shape: [784] } }
batch: { size: 100 }
sink: { uri: out, keep: [id] }
`,
    );
    mkdirSync(at('out'));
    return at('job.yaml');
  }

  /** Once the manifest in `directory` has a file of that name. */
  async function manifestHas(name: RegExp, directory: string): Promise<void> {
    const manifest = join(directory, '_manifest');
    mkdirSync(manifest, { recursive: true });
    const enough = (): boolean => readdirSync(manifest).some((file) => name.test(file));
    // Watched before the first look: what happens in between is not missed.
    const watcher = watch(manifest);
    await new Promise<void>((resolve) => {
      watcher.on('change', () => enough() && resolve());
      if (enough()) resolve();
    });
    watcher.close();
  }

  test('stops cleanly, says how to go on, and the same command does', async () => {
    const at = workspace();
    const args = ['run', slowJob(at, 100_000), '--json'];
    const { child, ended } = start(args);
    await manifestHas(/^part-/, at('out'));
    child.kill('SIGINT');
    const stopped = await ended;
    expect(stopped).toMatchObject({ code: 130, signal: null });
    expect(stopped.stderr).toContain(`of 4 parts written to ${at('out')}\n  Run the same command again`);
    expect(JSON.parse(stopped.stdout)).toMatchObject({
      job: 'slow',
      status: 'interrupted',
      error: { code: 'INTERRUPTED', hint: expect.stringContaining('Run the same command again') },
    });
    expect(await readdir(at('out'))).not.toContain('_SUCCESS');

    const finished = await penstock(...args);
    expect(finished.code).toBe(0);
    const { rows } = JSON.parse(finished.stdout);
    expect(rows.resumed).toBeGreaterThan(0);
    expect(rows.resumed + rows.written).toBe(2000);
    expect(await readColumn(at('out'), 'id')).toEqual(Array.from({ length: 2000 }, (_, id) => id));
    expect(await readdir(at('out'))).toContain('_SUCCESS');
  });

  test('SIGTERM does the same', async () => {
    const at = workspace();
    const { child, ended } = start(['run', slowJob(at, 100_000)]);
    await manifestHas(/^job/, at('out'));
    child.kill('SIGTERM');
    const { code, stdout, stderr } = await ended;
    expect(code).toBe(130);
    expect(stdout).toBe('');
    expect(stderr).toContain('penstock: interrupted');
  });

  test('again and again ends a run on the spot, in the middle of a batch, and the next one is not kept out', async () => {
    const at = workspace();
    const job = slowJob(at, 3_600_000_000);
    const { child, ended } = start(['run', job]);
    await manifestHas(/^job/, at('out'));
    const impatience = setInterval(() => child.kill('SIGINT'), 20);
    const { code, signal } = await ended;
    clearInterval(impatience);
    // Which of the two, a shell can't tell: both are 130.
    expect([code, signal]).toEqual(process.platform === 'win32' ? [130, null] : [null, 'SIGINT']);
    expect(readdirSync(at('out', '_manifest'))).toContain('lease-00001.json');

    const after = await penstock('run', job, '--overwrite', '--set', 'model.options.batchMicros=0');
    expect(after.code).toBe(0);
  });
});
