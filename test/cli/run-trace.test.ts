import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { begun, readTrace, slicesOf } from '../helpers/trace.js';
import { workspace } from '../helpers/workspace.js';
import { DIGITS_JOB, penstock, repository, start } from './penstock.js';

const DIGITS = `${repository}examples/digits/digits.arrow`;

describe('run --trace', () => {
  test('shows every batch on its way, and what each thread did meanwhile', async () => {
    const at = workspace();
    const args = ['run', DIGITS_JOB, '--json', '--set', `sink.uri=${at('out')}`, '--trace', at('trace.json')];
    const { code, stdout } = await penstock(...args);
    expect(code).toBe(0);
    const { batches, producers, startupSeconds, seconds } = JSON.parse(stdout);
    const trace = readTrace(readFileSync(at('trace.json'), 'utf8'));
    expect(trace.otherData).toEqual({ job: 'digits', complete: true });

    expect(begun(trace, 'slot', /^slot/)).toHaveLength(batches.count);
    const lives = trace.traceEvents.filter(({ ph, name }) => ph === 'e' && name.startsWith('slot'));
    expect(lives.reduce((sum, { args }) => sum + Number(args?.rows), 0)).toBe(2000);
    expect(lives.filter(({ args }) => args?.cut === true)).toEqual([]);
    expect(begun(trace, 'write', /^part \d$/)).toHaveLength(4);

    const running = slicesOf(trace, 'consumer 0 on cpu').filter(({ name }) => name === 'running');
    expect(running).toHaveLength(batches.count);
    expect(running.reduce((sum, { args }) => sum + Number(args?.rows), 0)).toBe(2000);
    // The clocks of trace and report are the same.
    expect((running[0]?.ts ?? 0) / 1e6).toBeCloseTo(startupSeconds, 2);
    for (const { ts, dur = 0 } of running) expect((ts + dur) / 1e6).toBeLessThan(seconds);
    expect(slicesOf(trace, 'sink').filter(({ name }) => name === 'empty a slot')).toHaveLength(batches.count);

    const spent = new Map<string, number>();
    for (const { name, dur = 0 } of slicesOf(trace, 'producer 0'))
      spent.set(name, (spent.get(name) ?? 0) + dur);
    const total = [...spent.values()].reduce((sum, micros) => sum + micros, 0);
    for (const state of ['fetch', 'decode', 'collate', 'blocked'])
      expect(Math.abs((spent.get(state) ?? 0) / total - producers[state]), state).toBeLessThan(0.1);
  });

  test('of a long run keeps its beginning and its end, within bounds', async () => {
    const at = workspace();
    mkdirSync(at('in'));
    for (let i = 0; i < 15; i++) copyFileSync(DIGITS, at('in', `${i}.arrow`));
    writeFileSync(
      at('job.yaml'),
      `name: long
source: { uri: in }
model: { runtime: simulated, options: { batchMicros: 0 } }
inputs: { pixels: { shape: [784] } }
batch: { size: 1 }
producers: 2
sink: { format: none }
`,
    );
    const { code } = await penstock('run', at('job.yaml'), '--trace', at('trace.json'));
    expect(code).toBe(0);
    const trace = readTrace(readFileSync(at('trace.json'), 'utf8'));
    const { complete, missingFrom = 0, missingTo = 0, lostRecords = 0 } = trace.otherData;
    expect(complete).toBe(false);
    expect(lostRecords).toBeGreaterThan(0);
    const batches = begun(trace, 'slot', /^slot/);
    expect(batches.filter(({ ts }) => ts < missingFrom).length).toBeGreaterThan(100);
    expect(batches.filter(({ ts }) => ts > missingTo).length).toBeGreaterThan(100);
    for (const thread of ['producer 0', 'producer 1', 'consumer 0 on simulated:0', 'sink'])
      expect(slicesOf(trace, thread).filter(({ name }) => name === 'not recorded')).toHaveLength(1);
  });

  test('is written of a run that is interrupted, too', async () => {
    const at = workspace();
    writeFileSync(
      at('job.yaml'),
      `name: slow
source: { uri: ${DIGITS} }
model: { runtime: simulated, options: { batchMicros: 100000 } }
inputs: { pixels: { shape: [784] } }
batch: { size: 100 }
sink: { uri: out }
`,
    );
    const { child, ended } = start(['run', at('job.yaml'), '--trace', at('trace.json')]);
    child.stderr.on('data', (text: string) => {
      if (/[1-9]\d* rows {2}/.test(text)) child.kill('SIGINT');
    });
    expect((await ended).code).toBe(130);
    const trace = readTrace(readFileSync(at('trace.json'), 'utf8'));
    expect(slicesOf(trace, 'consumer 0 on simulated:0').some(({ name }) => name === 'running')).toBe(true);
    expect(trace.traceEvents.some(({ args }) => args?.cut === true)).toBe(true);
  });

  test('to a file that is no .json is refused before anything is done', async () => {
    const at = workspace();
    const args = ['run', DIGITS_JOB, '--set', `sink.uri=${at('out')}`, '--trace', at('trace.txt')];
    const { code, stderr } = await penstock(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(`penstock: --trace: ${at('trace.txt')}: the name must end in .json`);
    expect(existsSync(at('out'))).toBe(false);
  });
});

test('a library takes the trace as text, and none where it does not ask', async () => {
  const job = {
    source: { uri: DIGITS },
    model: { runtime: 'simulated', options: { batchMicros: 0 } },
    inputs: { pixels: { shape: [784] } },
    sink: { format: 'none' },
  } as const;
  const traces: string[] = [];
  const report = await runJob(job, { onTrace: (trace) => traces.push(trace) });
  expect(traces).toHaveLength(1);
  const [text = ''] = traces;
  expect(begun(readTrace(text), 'slot', /^slot/)).toHaveLength(report.batches.count);
});
