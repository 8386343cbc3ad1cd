import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { StoppedRun } from 'penstock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Browser, CHROMIUM, NO_CHROMIUM, picture } from '../helpers/chromium.js';
import { workspace } from '../helpers/workspace.js';
import { penstock, repository, start } from './penstock.js';

/** The document in a page, and what people read first. */
function read(page: string) {
  const html = readFileSync(page, 'utf8');
  const [, json = ''] = /<script type="application\/json" id="document">(.*?)<\/script>/s.exec(html) ?? [];
  return { html, document: JSON.parse(json) };
}

/** What a browser has drawn of a time line: its panels, and whether something is to be seen of a device that ran. */
const DRAWN = `(() => {
  const canvas = document.querySelector('#timeline .canvas');
  const seen = canvas.querySelector('.fill-busy').getBoundingClientRect();
  return {
    panels: [...document.querySelectorAll('#timeline .panel h3')].map((e) => e.textContent),
    busy: seen.width > 100 && seen.height > 20,
  };
})()`;

/** The time line of a document is of its run: as many rows, and its device ran. */
function expectTimeline({ progress, timeline }: StoppedRun): void {
  const { seconds, rows, rssBytes, devices } = timeline ?? {
    seconds: [],
    rows: [],
    rssBytes: [],
    devices: [],
  };
  expect(rows.reduce((sum, count) => sum + count, 0)).toBe(progress?.rows);
  expect([rows.length, rssBytes.length, devices[0]?.busy.length]).toEqual(Array(3).fill(seconds.length));
  expect(devices.map(({ id }) => id)).toEqual(['simulated:0']);
  expect(Math.max(...(devices[0]?.busy ?? []))).toBeGreaterThan(0);
}

/** Digits on a simulated device, in four splits. */
function simulatedJob(at: (...names: string[]) => string, options: string, more = ''): string {
  const job = at('job.yaml');
  writeFileSync(
    job,
    `name: sim
source: { uri: ${repository}examples/digits/digits.arrow }
model: { runtime: simulated, options: ${options} }
inputs: { pixels: { shape: [784] } }
batch: { size: 100 }
sink: { uri: out, keep: [id] }
${more}`,
  );
  return job;
}

let browser: Browser | undefined;
beforeAll(() => {
  if (CHROMIUM) browser = new Browser(CHROMIUM);
});
afterAll(() => browser?.[Symbol.asyncDispose]());

describe('run --report', () => {
  test('writes the report that --json prints as a page, in place of what was there', async () => {
    const at = workspace();
    const job = simulatedJob(at, '{ batchMicros: 1000 }');
    writeFileSync(at('report.html'), 'of another run');
    const { code, stdout } = await penstock('run', job, '--json', '--report', at('report.html'));
    expect(code).toBe(0);
    const { html, document } = read(at('report.html'));
    expect(document).toEqual(JSON.parse(stdout));
    expect(html).toMatch(/^<!doctype html>\n/);
    expect(html).toContain('Simulated device: simulated:0.');
    expect((await readdir(at())).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('says where the page is, to people', async () => {
    const at = workspace();
    const job = simulatedJob(at, '{ batchMicros: 0 }');
    const { stderr } = await penstock('run', job, '--report', at('report.html'));
    expect(stderr).toMatch(new RegExp(`^  page +${at('report.html')}$`, 'm'));
  });

  test.each([
    ['report.txt', 'the name must end in .html'],
    ['nowhere/report.html', 'its directory does not exist'],
    ['folder.html', 'it is a directory'],
  ])('to %s is refused before anything is done: %s', async (name, why) => {
    const at = workspace();
    mkdirSync(at('folder.html'));
    const job = simulatedJob(at, '{ batchMicros: 0 }');
    const { code, stderr, stdout } = await penstock('run', job, '--json', '--report', at(name));
    expect(code).toBe(2);
    expect(stderr).toContain(`penstock: --report: ${at(name)}: ${why}\n`);
    expect(JSON.parse(stdout).error.code).toBe('USAGE');
    expect(existsSync(at('out'))).toBe(false);
  });

  test('of a job that fails tells why, as --json does', async () => {
    const at = workspace();
    const job = simulatedJob(at, '{ batchMicros: 0 }').replace('job.yaml', 'bad.yaml');
    writeFileSync(job, readFileSync(at('job.yaml'), 'utf8').replace('pixels:', 'pixel:'));
    const { code, stdout } = await penstock('run', job, '--json', '--report', at('report.html'));
    expect(code).not.toBe(0);
    const { html, document } = read(at('report.html'));
    expect(document).toEqual(JSON.parse(stdout));
    expect(document).toMatchObject({ job: 'sim', status: 'failed' });
    expect(html).toContain('<section class="stop failed"');
  });

  test('of an interrupted one tells how far it came, how it went until then, and how to go on', async (context) => {
    const at = workspace();
    const { child, ended } = start([
      'run',
      simulatedJob(at, '{ batchMicros: 100000 }'),
      '--report',
      at('report.html'),
    ]);
    // The first line of progress comes once batches run.
    child.stderr.on('data', (text: string) => {
      if (/[1-9]\d* rows {2}/.test(text)) child.kill('SIGINT');
    });
    const { code } = await ended;
    expect(code).toBe(130);
    const { html, document } = read(at('report.html'));
    expect(document).toMatchObject({ job: 'sim', status: 'interrupted', error: { code: 'INTERRUPTED' } });
    const { rows, busy, starved, blocked, splits, totalSplits } = document.progress;
    expect(rows).toBeGreaterThan(0);
    expect(splits).toBeLessThan(totalSplits);
    expect(Math.abs(busy + starved.total + blocked - 1)).toBeLessThanOrEqual(0.01);
    expect(html).toContain('Run the same command again to go on from there.');
    expectTimeline(document);
    if (browser === undefined) return context.skip(NO_CHROMIUM);
    const view = await browser.open(at('report.html'));
    await picture(view, 'interrupted');
    expect(await view.evaluate(DRAWN)).toEqual({
      panels: ['simulated:0', 'Rows a second', 'Memory of the process'],
      busy: true,
    });
    await view.evaluate("document.querySelector('#timeline .scrubber').focus()");
    for (const key of ['Home', 'ArrowRight']) await view.press(key);
    expect(await view.evaluate("document.querySelector('#timeline [data-where]').textContent")).toContain(
      ' to ',
    );
    expect(view.complaints).toEqual([]);
  });

  test('of one that fails in the middle shows how it went until then', async () => {
    const at = workspace();
    writeFileSync(
      at('transform.mjs'),
      `export default (batch) => {
  if (batch.getChild('id').get(0) >= 1500) throw new Error('no more of this');
  return {};
};`,
    );
    const job = simulatedJob(at, '{ batchMicros: 20000 }', 'transform: ./transform.mjs\nproducers: 1\n');
    const { code } = await penstock('run', job, '--report', at('report.html'));
    expect(code).toBe(1);
    const { document } = read(at('report.html'));
    expect(document).toMatchObject({ job: 'sim', status: 'failed' });
    expectTimeline(document);
  });

  test('where nothing was read because the job file is wrong, there is no page', async () => {
    const at = workspace();
    const { code } = await penstock('run', at('missing.yaml'), '--report', at('report.html'));
    expect(code).toBe(2);
    expect(existsSync(at('report.html'))).toBe(false);
  });
});
