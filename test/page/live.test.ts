import { afterAll, beforeAll, describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import {
  Browser,
  CHROMIUM,
  NO_CHROMIUM,
  PICTURES,
  picture,
  type View,
  type ViewOptions,
} from '../helpers/chromium.js';
import { readNumber } from '../helpers/read-number.js';
import type { QuietEngine } from '../serve/quiet-engine.js';
import { fillUp, LivelyEngine, type LiveServer, SteadyEngine, serveLive } from './live-server.js';
import { FAINT, spilled } from './looks.js';

let browser: Browser | undefined;
beforeAll(() => {
  if (CHROMIUM) browser = new Browser(CHROMIUM);
});
afterAll(() => browser?.[Symbol.asyncDispose]());

async function serve(engine: QuietEngine, token?: string): Promise<LiveServer> {
  const server = await serveLive(engine, token);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

/** Opens the page. */
async function open(
  context: TestContext,
  { url }: LiveServer,
  options?: ViewOptions,
  query = '',
): Promise<View> {
  if (browser === undefined) return context.skip(NO_CHROMIUM);
  return browser.open(new URL(query, url), options);
}

/** Resolves with the value of an expression once that is true of the page. */
function until(view: View, expression: string): Promise<unknown> {
  return view.evaluate(`new Promise((done) => {
    const look = () => {
      const value = ${expression};
      if (value) done(value);
      else setTimeout(look, 20);
    };
    look();
  })`);
}

const STATUS = "document.querySelector('#status').textContent";
const FRAMES =
  "Number(document.querySelector('#endpoint-charts .scrubber').getAttribute('aria-valuemax')) + 1";

/** A page that shows so many frames, at least. */
async function openWith(
  frames: number,
  context: TestContext,
  server: LiveServer,
  options?: ViewOptions,
): Promise<View> {
  const view = await open(context, server, options);
  await until(view, `!document.querySelector('#endpoints').hidden && ${FRAMES} >= ${frames}`);
  return view;
}

interface Shown {
  readonly key: string;
  readonly value: string;
  readonly text: string;
}

const figures = (view: View, within: string): Promise<Shown[]> =>
  view.evaluate(
    `[...document.querySelectorAll('${within} data[data-key]')].map((d) => ({ key: d.dataset.key, value: d.value, text: d.textContent }))`,
  );

/** What a key of a panel says. */
const said = (view: View, title: string): Promise<Record<string, string>> =>
  view.evaluate(`(() => {
    const panel = [...document.querySelectorAll('.panel')].find((p) => p.querySelector('h3').textContent.startsWith('${title}'));
    return Object.fromEntries([...panel.querySelectorAll('li')].map((li) => [li.querySelector('span').textContent, li.querySelector('output').textContent]));
  })()`);

function expectFigures(shown: readonly Shown[], wanted: Readonly<Record<string, number>>): void {
  for (const { key, value, text } of shown) {
    const figure = wanted[key];
    if (figure === undefined) continue;
    expect(Number(value), key).toBeCloseTo(figure, 6);
    const read = readNumber(text.replace(/ (req|rows)\/s$/, ''));
    expect(Math.abs(read.value - figure), `${key}: ${text}`).toBeLessThanOrEqual(read.tolerance + 1e-9);
  }
  expect(shown.map(({ key }) => key)).toEqual(expect.arrayContaining(Object.keys(wanted)));
}

describe('the figures of the live page', () => {
  test('are those of the engine', async (context) => {
    const view = await openWith(2, context, await serve(new SteadyEngine()));
    expectFigures(await figures(view, '#facts'), {
      'endpoints.0.answered': 120,
      'endpoints.0.total.p99': 30,
      refused: 7,
      'endpoints.0.queuedRows': 12,
      'devices.busy': 0.6,
    });
    expectFigures(await figures(view, '#endpoint-table'), {
      'endpoints.1.answered': 100,
      'endpoints.1.total.p50': 3,
      'endpoints.1.total.p99': 30,
      'endpoints.1.queuedRows': 12,
      'endpoints.1.batchRows': 20,
      'endpoints.1.batchFill': 0.5,
      'endpoints.1.refused': 7,
      'endpoints.2.answered': 20,
      'endpoints.2.batchRows': 16,
      'endpoints.2.batchFill': 0.25,
      'endpoints.2.refused': 0,
    });
    const [none] = (await figures(view, '#endpoint-table')).filter(
      ({ key }) => key === 'endpoints.2.total.p50',
    );
    expect(none).toMatchObject({ value: '', text: '–' });
    expectFigures(await figures(view, '#jobs'), { 'jobs.0.rowsPerSecond': 2_500, 'jobs.0.share': 0.25 });
    expect(await said(view, 'cuda:0')).toEqual({
      busy: '60.0 %',
      fetch: '10.0 %',
      prep: '5.0 %',
      batching: '12.0 %',
      blocked: '3.0 %',
      idle: '10.0 %',
    });
    expect(await view.evaluate(STATUS)).toBe('ready');
  });

  test('are drawn for the endpoint that is chosen', async (context) => {
    const view = await openWith(2, context, await serve(new SteadyEngine()));
    expect(await said(view, 'Requests')).toEqual({ answered: '120 req/s', refused: '7.0 req/s' });
    await view.click('.endpoints tbody tr:nth-child(2) button');
    expect(await view.evaluate("document.querySelector('#endpoint-title').textContent")).toBe(
      'digits over time',
    );
    expect(await said(view, 'Requests')).toEqual({ answered: '100 req/s', refused: '7.0 req/s' });
    expect(await said(view, 'Latency')).toEqual({ p50: '3.00 ms', p95: '6.00 ms', p99: '30.0 ms' });
    expect(await said(view, 'Waiting')).toEqual({ 'in the queue': '26.0 ms', 'on the device': '4.00 ms' });
    expect(await said(view, 'Batches')).toEqual({ 'rows in each': '20.0 rows' });
    expect(await view.evaluate("document.querySelectorAll('.endpoints [aria-pressed=true]').length")).toBe(1);
  });

  test('go on, second by second, and stand still while they are held', async (context) => {
    const engine = new SteadyEngine();
    const view = await openWith(2, context, await serve(engine));
    const answered = 'Number(document.querySelector(\'[data-key="endpoints.1.sums.answered"]\').value)';
    const before = await view.evaluate(answered);
    await until(view, `${answered} >= ${before + 200}`);
    await view.click('#hold');
    const held = await view.evaluate(answered);
    const frames = await view.evaluate(FRAMES);
    const asked = engine.asked;
    // Held is what is shown: the engine is asked on and on.
    await expect.poll(() => engine.asked, { timeout: 10_000 }).toBeGreaterThan(asked + 1);
    expect([await view.evaluate(answered), await view.evaluate(FRAMES)]).toEqual([held, frames]);
    await view.click('#hold');
    await until(view, `${answered} > ${held}`);
  });
});

describe('the charts of the live page', () => {
  const WHERE = "document.querySelector('#endpoint-charts .where output').textContent";

  test('say exactly how it was where keys point', async (context) => {
    const view = await openWith(3, context, await serve(new SteadyEngine()));
    await view.evaluate("document.querySelector('#endpoint-charts .scrubber').focus()");
    await view.press('Home');
    const first = await view.evaluate(WHERE);
    expect(first).toMatch(/^\d\d:\d\d:\d\d, \d+ s before the last$/);
    await view.press('ArrowRight');
    expect(await view.evaluate(WHERE)).not.toBe(first);
    const slider = await view.evaluate(`(() => {
      const { ariaValueNow, ariaValueText } = document.querySelector('#endpoint-charts .scrubber');
      return { ariaValueNow, ariaValueText };
    })()`);
    expect(slider.ariaValueNow).toBe('1');
    expect(slider.ariaValueText).toContain('answered 120 req/s');
    // All charts point at the same moment.
    expect(await view.evaluate("[...document.querySelectorAll('.crosshair')].map((c) => c.hidden)")).toEqual([
      false,
      false,
    ]);
    await view.press('Escape');
    expect(await view.evaluate(WHERE)).toBe('Now');
  });

  test('follow a mouse and a finger', async (context) => {
    const view = await openWith(2, context, await serve(new SteadyEngine()));
    await view.moveMouse(await view.placeOf('#endpoint-charts .scrubber', 0.95));
    await until(view, `${WHERE} !== 'Now'`);
    await view.moveMouse({ x: 1, y: 1 });
    await until(view, `${WHERE} === 'Now'`);
    await view.look({ width: 390, mobile: true });
    await view.tap(await view.placeOf('#endpoint-charts .scrubber', 0.95));
    await until(view, `${WHERE} !== 'Now'`);
  });

  test('are drawn, in other colours when those change', async (context) => {
    const view = await openWith(3, context, await serve(new SteadyEngine()));
    // The middle of the last second, a hair above the ground: busy.
    const colour = `(() => {
      const canvas = document.querySelector('#device-charts canvas');
      const { data } = canvas.getContext('2d').getImageData(canvas.width - 4, canvas.height - 12, 1, 1);
      return [...data].join();
    })()`;
    expect(await view.evaluate(colour)).toBe('0,158,115,255');
    await view.click('#theme');
    await until(view, `${colour} === '31,184,138,255'`);
  });
});

describe('the live page', () => {
  test.for<ViewOptions & { readonly name: string }>([
    { name: 'phone', width: 390, mobile: true },
    { name: 'phone-dark', width: 360, mobile: true, dark: true },
    { name: 'dark', width: 1180, dark: true },
    { name: 'light', width: 1180 },
    { name: 'wide', width: 1680 },
  ])(
    'at $width pixels complains of nothing, asks nobody else, scrolls one way, can be read: $name',
    async (options, context) => {
      const engine = new LivelyEngine();
      const server = await serve(engine);
      if (PICTURES !== undefined) fillUp(server, engine);
      const view = await openWith(2, context, server, options);
      expect(view.complaints).toEqual([]);
      expect(
        view.requests.filter((url) => !url.startsWith(server.url.href) && !url.startsWith('data:')),
      ).toEqual([]);
      expect(await view.evaluate(spilled(options.width ?? 0))).toEqual([]);
      expect(await view.evaluate(FAINT)).toEqual([]);
      // What does not fit is left out of the table; it need not be scrolled to.
      const table = "document.querySelector('#endpoint-table')";
      expect(await view.evaluate(`${table}.scrollWidth - ${table}.clientWidth`)).toBe(0);
      await picture(view, `live-${options.name}`);
    },
  );

  test('has one title, headings without gaps, and names for what can be used', async (context) => {
    const view = await openWith(1, context, await serve(new SteadyEngine()));
    const levels: number[] = await view.evaluate(
      "[...document.querySelectorAll('h1, h2, h3')].filter((h) => h.checkVisibility()).map((h) => Number(h.tagName[1]))",
    );
    expect(levels.filter((level) => level === 1)).toEqual([1]);
    for (const [i, level] of levels.entries()) expect(level - (levels[i - 1] ?? 0)).toBeLessThanOrEqual(1);
    const { nodes } = await view.send('Accessibility.getFullAXTree');
    interface AxNode {
      readonly role?: { readonly value: string };
      readonly name?: { readonly value: string };
    }
    const usable = (nodes as AxNode[]).filter(({ role }) =>
      /button|slider|radio|textbox/.test(role?.value ?? ''),
    );
    expect(usable.length).toBeGreaterThan(7);
    for (const { role, name } of usable) expect(name?.value, role?.value).toMatch(/\S/);
  });

  test('asks for a token where there is one, and again where it is wrong', async (context) => {
    const server = await serve(new SteadyEngine(), 'open sesame');
    const view = await open(context, server);
    await until(view, "!document.querySelector('#token-form').hidden");
    // Nothing of the server is on the page before.
    expect(await view.evaluate('document.body.textContent')).not.toMatch(/digits|cuda/);
    expect(await view.evaluate(FAINT)).toEqual([]);
    const give = async (token: string): Promise<void> => {
      await view.evaluate(`document.querySelector('#token').value = '${token}'`);
      await view.click('#token-form button');
    };
    await give('wrong');
    await until(view, "document.querySelector('#token-wrong').checkVisibility()");
    await give('open sesame');
    await until(view, `${STATUS} === 'ready'`);
    expect(await view.evaluate("document.querySelector('#token-form').checkVisibility()")).toBe(false);
  });

  test('takes a token out of the address', async (context) => {
    const server = await serve(new SteadyEngine(), 'open sesame');
    const view = await open(context, server, {}, '?token=open%20sesame');
    await until(view, `${STATUS} === 'ready'`);
    expect(await view.evaluate('location.href')).toBe(server.url.href);
    // It is in no address that anything else was asked under.
    expect(server.requests.filter(({ url }) => url?.includes('sesame'))).toHaveLength(1);
  });

  test('comes back when the connection is lost', async (context) => {
    const server = await serve(new SteadyEngine());
    const view = await openWith(1, context, server);
    const lost = until(view, `${STATUS} === 'not connected'`);
    server.drop();
    await lost;
    await until(view, `${STATUS} === 'ready' && document.querySelector('#lost').hidden`);
  });

  test('says that the server has stopped, and is there again when that is', async (context) => {
    const first = await serveLive(new SteadyEngine());
    const view = await openWith(1, context, first);
    await first[Symbol.asyncDispose]();
    await until(view, `${STATUS} === 'stopped' && !document.querySelector('#lost').hidden`);
    const second = await serveLive(new SteadyEngine(), undefined, Number(first.url.port));
    onTestFinished(() => second[Symbol.asyncDispose]());
    await until(view, `${STATUS} === 'ready' && document.querySelector('#lost').hidden`);
  });

  test('shows names as they are, whatever is in them', async (context) => {
    const engine = new SteadyEngine();
    const name = '<img src=x onerror=alert(1)>';
    engine.jobs.push({ name, state: 'failed', rows: 1, splits: 2, splitsDone: 1, error: `<b>${name}` });
    const view = await openWith(1, context, await serve(engine));
    expect(await view.evaluate("document.querySelector('#jobs').textContent")).toContain(`<b>${name}`);
    expect(await view.evaluate("document.querySelectorAll('#jobs img').length")).toBe(0);
    expect(view.complaints).toEqual([]);
  });
});
