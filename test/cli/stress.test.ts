import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Outcome, StressReport } from '../../src/stress/types.js';
import { Browser, CHROMIUM } from '../helpers/chromium.js';
import { childrenOf, hasProc, isAlive, NO_PROC } from '../helpers/processes.js';
import { workspace } from '../helpers/workspace.js';
import { penstock, start } from './penstock.js';

const CONFIG = {
  models: {
    sim: {
      model: { runtime: 'simulated', options: { batchMicros: 2000, rowMicros: 50 } },
      inputs: { x: { shape: [16] } },
      endpoints: { bulk: { priority: 2 }, online: { deadlineMs: 200 } },
    },
  },
  // Of the configuration's own jobs none is run.
  jobs: [{ job: 'nowhere.yaml' }],
};

function configured(config: object = CONFIG): string {
  const path = workspace()('sim.yaml');
  writeFileSync(path, JSON.stringify(config));
  return path;
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

/** What must be so on any machine, however slow. */
function expectAccounted({ streams, devices }: Outcome): void {
  for (const {
    due,
    answered,
    good,
    refused,
    failed,
    unanswered,
    seconds,
    offeredPerSecond,
    timeline,
  } of streams) {
    expect(due).toBeGreaterThan(0);
    expect(answered + sum(Object.values(refused)) + sum(Object.values(failed)) + unanswered).toBe(due);
    expect(good).toBeLessThanOrEqual(answered);
    expect(offeredPerSecond).toBeCloseTo(due / seconds, 6);
    expect(sum(timeline.due)).toBe(due);
    expect(sum(timeline.good)).toBe(good);
  }
  for (const { busy, starved, blocked, idle } of devices)
    expect(busy + starved.total + blocked + idle).toBeCloseTo(1, 6);
}

describe('penstock stress', () => {
  test('measures both servers in each scenario, and says it as JSON and as a page', {
    timeout: 300_000,
  }, async () => {
    const at = workspace();
    const scenarios = [
      'steady-50',
      'overload',
      'burst',
      'competing',
      'job',
      'slow-storage',
      'crash',
      'trace',
    ];
    writeFileSync(at('load.csv'), 'time,endpoint,rows\n0,online,3\n0.1,bulk,1\n0.2,online,2\n');
    const { code, stdout, stderr } = await penstock(
      'stress',
      configured(),
      '--quick',
      '--seconds=0.5',
      `--scenario=${scenarios.join(',')}`,
      `--trace=${at('load.csv')}`,
      '--json',
      `--report=${at('page.html')}`,
    );
    expect(stderr).toContain('sim: this takes about');
    expect(code, stderr).toBe(0);
    const report: StressReport = JSON.parse(stdout);
    expect(report).toMatchObject({
      name: 'sim',
      status: 'completed',
      quick: true,
      scenarioSeconds: 0.5,
      seed: 1,
    });
    expect(report.endpoint).toEqual({ name: 'online', model: 'sim', rows: 1, deadlineMs: 200 });
    expect(report.leftOut).toEqual([]);
    expect(report.scenarios.map(({ name }) => name)).toEqual(scenarios);
    for (const { servers } of report.scenarios) {
      expectAccounted(servers.penstock);
      expectAccounted(servers.pointToPoint);
    }
    const of = (name: string) => report.scenarios.find((one) => one.name === name)?.servers;
    expect(of('competing')?.penstock.streams.map(({ name }) => name)).toEqual(['online', 'bulk']);
    for (const name of ['job', 'slow-storage']) {
      // It has begun before the requests did; in so short a time it may not have told of more.
      expect(of(name)?.penstock.job).toMatchObject({ rowsPerSecond: expect.any(Number) });
      expect(of(name)?.pointToPoint.job?.rowsPerSecond).toBeGreaterThan(0);
    }
    expect(of('steady-50')?.penstock.job).toBeNull();
    // The same three requests, whose rows the server has seen.
    const [online, bulk] = of('trace')?.penstock.streams ?? [];
    expect([online?.due, bulk?.due]).toEqual([2, 1]);
    expect(report.findings[0]).toContain('With as much as they can take');
    if (CHROMIUM === undefined) return;
    await using browser = new Browser(CHROMIUM);
    const view = await browser.open(at('page.html'));
    expect(view.complaints).toEqual([]);
    expect(JSON.parse(await view.evaluate("document.querySelector('#document').textContent"))).toEqual(
      report,
    );
    expect(await view.evaluate("document.querySelectorAll('.scenario').length")).toBe(scenarios.length);
    const shown = await view.evaluate('document.querySelector(\'data[data-key="capacity.ratio"]\').value');
    expect(Number(shown)).toBe(report.capacity.ratio);
  });

  test('prints the table and what it means, and names what it left out', { timeout: 120_000 }, async () => {
    const { code, stdout, stderr } = await penstock(
      'stress',
      configured({ models: { sim: { ...CONFIG.models.sim, endpoints: {} } } }),
      '--quick',
      '--seconds=0.5',
      '--scenario=steady-50,competing',
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain('  steady, 50 %\n    Penstock');
    expect(stderr).toContain('competing: it takes two endpoints');
    expect(stderr).toMatch(/it means\s+With as much as they can take, Penstock answers/);
  });

  test('ends cleanly at Ctrl-C, with all that it has started', async (context) => {
    if (!hasProc) return context.skip(NO_PROC);
    const { child, ended, said } = start(['stress', configured(), '--seconds=60']);
    // The step before the last word of it: servers and generator are at work.
    await said(/1 of/);
    const children = childrenOf(child.pid ?? 0);
    expect(children.length).toBeGreaterThan(0);
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain('interrupted');
    expect(children.filter(isAlive)).toEqual([]);
  });

  test.each([
    [['--scenario=steady80'], 'there is no scenario steady80; did you mean steady-80?'],
    [['--endpoint=onlin'], 'there is no endpoint onlin; did you mean online?'],
    [['--seconds=0'], 'Expected a number of seconds from 0.5 on.'],
    [['--trace=/nowhere.csv'], "--trace: /nowhere.csv: can't be read"],
    [['--report=page.txt'], 'the name must end in .html'],
  ])('%j is refused before anything is started', async (flags, message) => {
    const { code, stderr } = await penstock('stress', configured(), ...flags);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  test('a configuration that is wrong is refused as penstock serve does', async () => {
    const path = configured({ models: { sim: { model: { runtime: 'simulatd' } } } });
    const { code, stderr } = await penstock('stress', path);
    expect(code).toBe(2);
    expect(stderr).toContain('did you mean simulated?');
    expect(readFileSync(path, 'utf8')).toContain('simulatd');
  });
});
