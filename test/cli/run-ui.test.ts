import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Browser, CHROMIUM, NO_CHROMIUM, picture } from '../helpers/chromium.js';
import { DIGITS_JOB, penstock, type Started, start } from './penstock.js';

/** The digits on a device of 4 ms a row: some eight seconds. */
const SLOW = [
  'run',
  DIGITS_JOB,
  '--set',
  'model={ runtime: simulated, options: { rowMicros: 4000 } }',
  '--set',
  'inputs.image.shape=[1, 28, 28]',
  '--set',
  'outputs={}',
  '--set',
  'sink={ format: none }',
  '--set',
  'batch.size=16',
];

/** Where it says that the page is. */
async function urlOf({ said }: Started): Promise<URL> {
  const [, url = ''] = await said(/^ {2}live +(http:\/\/127\.0\.0\.1:\d+\/)$/m);
  return new URL(url);
}

describe('penstock run --ui', () => {
  let browser: Browser | undefined;
  beforeAll(() => {
    if (CHROMIUM) browser = new Browser(CHROMIUM);
  });
  afterAll(() => browser?.[Symbol.asyncDispose]());

  test('shows the run as it goes, and ends with it', async (context) => {
    if (browser === undefined) return context.skip(NO_CHROMIUM);
    const run = start([...SLOW, '--ui']);
    const view = await browser.open(await urlOf(run));
    const until = (expression: string): Promise<void> =>
      view.evaluate(`new Promise((done) => {
        const look = () => ((${expression}) ? done() : setTimeout(look, 20));
        look();
      })`);
    await until(`document.querySelector('#status').textContent === 'running'`);
    await until(`Number(document.querySelector('[data-key="jobs.0.rows"]').value) > 0`);
    const titles: string[] = await view.evaluate(
      "[...document.querySelectorAll('.panel h3')].filter((h) => h.checkVisibility()).map((h) => h.textContent)",
    );
    expect(titles).toEqual(['simulated:0', 'Rows a second', 'Producers', 'Memory of the process']);
    await picture(view, 'run');
    await until(`document.querySelector('#status').textContent === 'completed'`);
    const { code } = await run.ended;
    expect(code).toBe(0);
    expect(await view.evaluate(`document.querySelector('[data-key="jobs.0.rows"]').value`)).toBe('2000');
    expect(await view.evaluate("document.querySelector('#lost').textContent")).toContain('The run is over');
    expect(view.complaints).toEqual([]);
  });

  test('does not wait for somebody who looks on and takes nothing', async () => {
    const run = start([...SLOW, '--set', 'source.limit=200', '--ui']);
    const response = await fetch(new URL('live/events', await urlOf(run)));
    expect((await run.ended).code).toBe(0);
    expect(await response.text()).toMatch(/event: end\ndata: \{\}\n\n$/);
  });

  test('is for this machine, under its own name', async () => {
    const run = start([...SLOW, '--ui']);
    const url = await urlOf(run);
    const { get } = await import('node:http');
    const status = (host: string): Promise<number | undefined> =>
      new Promise((resolve) => get(url, { headers: { host } }, ({ statusCode }) => resolve(statusCode)));
    expect(await status(`localhost:${url.port}`)).toBe(200);
    expect(await status('evil.example')).toBe(403);
    expect(await status(`127.0.0.1.evil.example:${url.port}`)).toBe(403);
    run.child.kill('SIGINT');
    expect((await run.ended).code).toBe(130);
  });

  test('says so where the port is another’s, or none, before it runs', async () => {
    const first = start([...SLOW, '--ui']);
    const { port } = await urlOf(first);
    const taken = await penstock(...SLOW, '--ui', port);
    expect(taken.code).toBe(2);
    expect(taken.stderr).toContain(`--ui: port ${port} can't be had: something else listens there`);
    const wrong = await penstock('run', DIGITS_JOB, '--ui', '65536');
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('Expected a port, 0 to 65535.');
    first.child.kill('SIGINT');
    await first.ended;
  });
});
