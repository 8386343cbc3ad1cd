import { existsSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { cp, readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { workspace } from '../helpers/workspace.js';
import { penstock, repository, start } from './penstock.js';

// Three rounds of all stages, on a machine that may be busy with other tests.
const SLOW_TEST = 240_000;

/** The shipped example in a folder of its own, where it can be seen what a bench leaves behind. */
async function digitsIn(at: (...names: string[]) => string): Promise<string> {
  await cp(`${repository}examples/digits`, at('digits'), { recursive: true });
  await cp(`${repository}native-models/digits`, at('native-models'), { recursive: true });
  return at('digits', 'job.yaml');
}

const MODEL = ['--set', 'model.uri=../native-models/digits.onnx', '--set', 'sink.uri=out'] as const;

describe('bench', () => {
  test(
    'of the shipped digits, --json: prints the document alone on stdout, and leaves nothing behind',
    async () => {
      const at = workspace();
      const job = await digitsIn(at);
      const before = await readdir(at('digits'));
      const { code, stdout, stderr } = await penstock('bench', job, '--quick', '--json', ...MODEL);
      expect(stderr).toMatch(/^digits: this takes about /m);
      expect(stderr).toContain('round 3 of 3: pipeline');
      expect(code).toBe(0);
      const report = JSON.parse(stdout);
      const rate = { median: expect.any(Number), runs: [1, 2, 3].map(() => expect.any(Number)) };
      expect(report).toMatchObject({
        job: 'digits',
        status: 'completed',
        quick: true,
        batchSize: 64,
        ceilings: {
          storage: { rowsPerSecond: rate },
          loader: { rowsPerSecond: rate },
          device: { rowsPerSecond: rate },
          sink: { rowsPerSecond: rate },
        },
        pipeline: { rowsPerSecond: rate, report: { devices: [{ id: 'cpu', simulated: false }] } },
        pointToPoint: { rowsPerSecond: rate },
      });
      const sizes = report.curve.map(({ batchSize }: { batchSize: number }) => batchSize);
      expect(sizes).toEqual(expect.arrayContaining([64, 128, 256]));
      expect(sizes).toContain(report.knee.batchSize);
      for (const { batchSize, rowsPerSecond, runMs } of report.curve) {
        expect(rowsPerSecond.median).toBeGreaterThan(0);
        expect(runMs.p99).toBeGreaterThanOrEqual(runMs.p50);
        expect(Number.isInteger(batchSize)).toBe(true);
      }
      expect(await readdir(at('digits'))).toEqual(before);
    },
    SLOW_TEST,
  );

  test(
    'without --json is a page for people, with the table of a sweep',
    async () => {
      const at = workspace();
      const job = await digitsIn(at);
      const { code, stdout, stderr } = await penstock(
        ...['bench', job, '--seconds', '5', '--quick', '--sweep', 'batch.size=32,64', ...MODEL],
        ...['--report', at('bench.html')],
      );
      expect(code).toBe(0);
      expect(stdout).toBe('');
      for (const text of [
        'ceilings',
        '◀ the lowest',
        'knee',
        'one by one',
        'what if',
        'sweep',
        '◀ best',
        'limited by',
      ]) {
        expect(stderr).toContain(text);
      }
      expect(stderr).not.toContain('\x1b');
      expect(stderr).toMatch(/page +.*bench\.html\n$/);
      expect(readFileSync(at('bench.html'), 'utf8')).toContain('"pointToPoint"');
    },
    SLOW_TEST,
  );

  test('Ctrl-C stops it with 130, and leaves nothing behind', async () => {
    const at = workspace();
    const job = await digitsIn(at);
    const before = await readdir(at('digits'));
    const { child, ended } = start(['bench', job, '--json', ...MODEL]);
    // Its temporary directory is there: from now on there is something to leave behind.
    const isMade = async (): Promise<boolean> =>
      (await readdir(at('digits'))).some((name) => name.startsWith('.penstock-bench-'));
    const watcher = watch(at('digits'));
    await new Promise<void>((resolve) => {
      const look = (): void => void isMade().then((made) => made && resolve());
      watcher.on('change', look);
      look();
    });
    watcher.close();
    child.kill('SIGINT');
    const { code, signal, stdout, stderr } = await ended;
    expect([code, signal]).toEqual([130, null]);
    expect(stderr).toContain('penstock: the bench was interrupted; what it had written is deleted');
    expect(JSON.parse(stdout)).toMatchObject({
      job: 'digits',
      status: 'interrupted',
      error: { code: 'INTERRUPTED' },
    });
    expect(await readdir(at('digits'))).toEqual(before);
  });

  test.each([
    [
      'too many combinations',
      ['--sweep', `producers=${Array.from({ length: 65 }, (_, i) => i + 1)}`],
      '65 combinations',
    ],
    ['a sweep without values', ['--sweep', 'batch.size'], 'expected key.path=value,value'],
    ['a page that is none', ['--report', 'bench.yaml'], 'the name must end in .html'],
    ['too few seconds', ['--seconds', '1'], 'Expected a number of seconds from 5 on.'],
    ['a sink that can not be', ['--set', 'sink.format=csv'], 'sink.format'],
  ])('%s is wrong usage', async (_, args, message) => {
    const { code, stdout, stderr } = await penstock(
      'bench',
      `${repository}examples/digits/job.yaml`,
      ...args,
    );
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });

  test('a model that is not there is an error, and nothing is left behind', async () => {
    const at = workspace();
    writeFileSync(
      at('job.yaml'),
      `source: { uri: ${repository}examples/digits/digits.arrow }\nmodel: { uri: no.onnx }\nsink: { uri: out }\n`,
    );
    const { code, stderr } = await penstock('bench', at('job.yaml'));
    expect(code).toBe(1);
    expect(stderr).toContain('no.onnx');
    expect(existsSync(at('out'))).toBe(false);
    expect(await readdir(at())).toEqual(['job.yaml']);
  });
});
