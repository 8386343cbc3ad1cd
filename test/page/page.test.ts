import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Report, reportPage, type StoppedRun } from 'penstock';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import type { Timeline } from '../../src/measure/timeline.js';
import { Browser, CHROMIUM, NO_CHROMIUM, type View, type ViewOptions } from '../helpers/chromium.js';
import { readNumber } from '../helpers/read-number.js';
import { benchReport, runReport } from './documents.js';
import { FAINT, spilled } from './looks.js';
import { stressReport } from './stress-document.js';

const RUN = runReport({
  utilization: true,
  warnings: ['cuda:0: out of memory with batches of 256 rows', 'cuda was asked for, <b>webgpu</b> ran'],
});
const TWO = runReport({ seed: 3, seconds: 4.1, intervals: 41, devices: ['sim:0', 'sim:1'], simulated: true });
const BENCH = benchReport();
function timelineOf({ timeline }: Report): Timeline {
  if (timeline === undefined) throw new RangeError('a run has a time line');
  return timeline;
}

const STOPPED: StoppedRun = {
  job: 'slow',
  status: 'interrupted',
  error: { code: 'INTERRUPTED', message: 'interrupted: 3 of 4 parts written to out', hint: 'Run it again.' },
  progress: {
    elapsedSeconds: 12.345,
    rows: 1234,
    rowsPerSecond: 99.96,
    splits: 3,
    totalSplits: 4,
    busy: 0.61,
    starved: { total: 0.3, fetch: 0.2, prep: 0.07, batching: 0.03 },
    blocked: 0.09,
    devices: [
      {
        id: 'cuda:0',
        busy: 0.7,
        starved: { total: 0.25, fetch: 0.15, prep: 0.07, batching: 0.03 },
        blocked: 0.05,
      },
      {
        id: 'cuda:1',
        busy: 0.52,
        starved: { total: 0.35, fetch: 0.25, prep: 0.07, batching: 0.03 },
        blocked: 0.13,
      },
    ],
  },
  timeline: timelineOf(runReport({ seed: 5, seconds: 12.2, intervals: 122, devices: ['cuda:0', 'cuda:1'] })),
};
const STRESS = stressReport();
const PAGES = { run: RUN, two: TWO, bench: BENCH, stopped: STOPPED, stress: STRESS };
type Name = keyof typeof PAGES;

let browser: Browser | undefined;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'penstock-page-'));
  for (const [name, document] of Object.entries(PAGES)) {
    writeFileSync(join(folder, `${name}.html`), reportPage(document));
  }
  if (CHROMIUM) browser = new Browser(CHROMIUM);
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function open(context: TestContext, name: Name, options?: ViewOptions): Promise<View> {
  if (browser === undefined) return context.skip(NO_CHROMIUM);
  return browser.open(join(folder, `${name}.html`), options);
}

/** Every number of a document with its place in it, but for long lists and what is named here. */
function numbersOf(document: object, except: RegExp): Map<string, number> {
  const numbers = new Map<string, number>();
  const walk = (value: unknown, path: string): void => {
    if (except.test(path)) return;
    if (typeof value === 'number') numbers.set(path, value);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, part] of Object.entries(value)) walk(part, path === '' ? key : `${path}.${key}`);
    }
  };
  walk(document, '');
  return numbers;
}

/** Those that are drawn, or shown on hover: time lines, and how a median was spread. */
const DRAWN =
  /timeline|utilization\.\w+\.(p50|p95)$|rowsPerSecond\.(min|max|runs)|whatIf\.\d+\.(from|to)$|sweep\.(best|points\.\d+\.(values|device\.starved\.(fetch|prep|batching)))/;

/** Of a stress test also counts, whose shares are bars, and what is for those who look into the JSON. */
const DRAWN_OF_STRESS =
  /\.(timeline|curve|levels|generator|blocked|idle|meanBatchRows|load|seconds|due|answered|good|goodRows|unanswered|deadlineMs)$|streams\.\d+\.(timeline|curve)|refusalMs\.(p50|p999|max)$|latencyMs\.max$|starved\.(fetch|prep|batching)$|capacity\..*(p999|max|starved\.total|levels\.\d+\.\w+)$|generator\.|endpoint\.deadlineMs$/;

describe.each(Object.keys(PAGES) as Name[])('the page of %s', (name) => {
  test('shows every figure of its document, as it stands there', async (context) => {
    const view = await open(context, name);
    const shown: { key: string; value: string; text: string }[] = await view.evaluate(
      "[...document.querySelectorAll('data[data-key]')].map((d) => ({ key: d.dataset.key, value: d.value, text: d.textContent }))",
    );
    const numbers = numbersOf(PAGES[name], /(?!)/);
    const drawn = name === 'stress' ? DRAWN_OF_STRESS : DRAWN;
    for (const { key, value, text } of shown) {
      expect(Number(value), key).toBe(numbers.get(key));
      const read = readNumber(text);
      expect(Math.abs(read.value - Number(value)), `${key}: ${text}`).toBeLessThanOrEqual(read.tolerance);
    }
    const missing = new Set(numbersOf(PAGES[name], drawn).keys());
    for (const { key } of shown) missing.delete(key);
    expect([...missing]).toEqual([]);
  });

  test.for<ViewOptions>([
    { width: 360, mobile: true },
    { width: 360, mobile: true, dark: true },
    { width: 718, print: true },
    { width: 820, dark: true },
    { width: 1400 },
  ])(
    'at $width pixels asks for nothing, complains of nothing, moves nothing, scrolls one way: %o',
    async (options, context) => {
      const view = await open(context, name, options);
      expect(view.requests.filter((url) => !url.startsWith('data:'))).toHaveLength(1);
      expect(view.complaints).toEqual([]);
      expect(await view.evaluate('window.shift')).toBe(0);
      expect(await view.evaluate(spilled(options.width ?? 0))).toEqual([]);
    },
  );

  test.for<ViewOptions>([{ dark: false }, { dark: true }])(
    'can be read: contrast of texts, dark: $dark',
    async (options, context) => {
      const view = await open(context, name, options);
      expect(await view.evaluate(FAINT)).toEqual([]);
    },
  );

  test('has one title, headings without gaps, and names for what can be used', async (context) => {
    const view = await open(context, name);
    const levels: number[] = await view.evaluate(
      "[...document.querySelectorAll('h1, h2, h3, h4')].map((h) => Number(h.tagName[1]))",
    );
    expect(levels.filter((level) => level === 1)).toEqual([1]);
    for (const [i, level] of levels.entries()) expect(level - (levels[i - 1] ?? 0)).toBeLessThanOrEqual(1);
    const { nodes } = await view.send('Accessibility.getFullAXTree');
    const usable = nodes.filter(({ role }: AxNode) => ['button', 'slider'].includes(role?.value ?? ''));
    expect(usable.length).toBeGreaterThan(0);
    for (const { role, name: its } of usable) expect(its?.value, role?.value).toMatch(/\S/);
    expect(await view.evaluate("new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size")).toBe(
      await view.evaluate("document.querySelectorAll('[id]').length"),
    );
  });

  test('holds its document, for people and for programs', async (context) => {
    const view = await open(context, name);
    const pretty = view.textAfterChange('#raw pre');
    await view.click('#raw summary');
    expect(JSON.parse(await pretty)).toEqual(PAGES[name]);
    // Who clicks with a hand is let do so unasked.
    const permissions = ['clipboardReadWrite', 'clipboardSanitizedWrite'];
    await view.send('Browser.grantPermissions', { permissions });
    await view.send('Emulation.setFocusEmulationEnabled', { enabled: true });
    const said = view.textAfterChange('#copied');
    await view.click('#copy');
    expect(await said).toBe('Copied');
    expect(JSON.parse(await view.evaluate('navigator.clipboard.readText()'))).toEqual(PAGES[name]);
  });
});

interface AxNode {
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
}

describe('the time line', () => {
  const timeline = RUN.timeline ?? { seconds: [], rows: [], rssBytes: [], devices: [] };
  const [device] = timeline.devices;

  /** What it says, in the order of its series. */
  const read = (view: View): Promise<{ where: string; texts: string[]; crosshair: boolean }> =>
    view.evaluate(`(() => {
      const plot = document.querySelector('#timeline');
      return {
        where: plot.querySelector('[data-where]').textContent,
        texts: [...plot.querySelectorAll('[data-series]')].map((e) => e.textContent),
        crosshair: !plot.querySelector('.crosshair').hidden,
      };
    })()`);

  function expectInterval(shown: { where: string; texts: string[] }, i: number): void {
    const from = timeline.seconds[i - 1] ?? 0;
    const to = timeline.seconds[i] as number;
    const [begin, end] = shown.where.split(' to ').map(readNumber);
    expect(begin?.value).toBeCloseTo(from, 0);
    expect(end?.value).toBeCloseTo(to, 0);
    const wanted = [
      device?.busy[i],
      device?.fetch[i],
      device?.prep[i],
      device?.batching[i],
      device?.blocked[i],
      (timeline.rows[i] as number) / (to - from),
      timeline.rssBytes[i],
    ];
    expect(shown.texts).toHaveLength(wanted.length);
    for (const [series, text] of shown.texts.entries()) {
      const { value, tolerance } = readNumber(text);
      expect(Math.abs(value - Number(wanted[series])), text).toBeLessThanOrEqual(tolerance);
    }
  }

  test('says exactly how it was where the mouse points, and what it was in all when it is gone', async (context) => {
    const view = await open(context, 'run');
    const atRest = await read(view);
    expect(atRest.crosshair).toBe(false);
    expect(readNumber(atRest.texts[0] as string).value).toBeCloseTo(RUN.devices[0]?.busy ?? 0, 3);
    const place = await view.placeOf('#timeline .scrubber', 0.30042);
    await view.moveMouse(place);
    const shown = await read(view);
    expect(shown.crosshair).toBe(true);
    expectInterval(shown, Math.floor(0.30042 * timeline.seconds.length));
    await view.moveMouse({ x: 2, y: 2 });
    expect(await read(view)).toEqual(atRest);
    expect(await view.evaluate('window.shift')).toBe(0);
  });

  test('is walked through with the keys, and tells a screen reader', async (context) => {
    const view = await open(context, 'run');
    await view.evaluate("document.querySelector('#timeline .scrubber').focus()");
    for (const key of ['Home', 'ArrowRight', 'ArrowRight', 'PageUp', 'ArrowLeft']) await view.press(key);
    expectInterval(await read(view), 2 + 30 - 1);
    const spoken = await view.evaluate("document.querySelector('#timeline .scrubber').ariaValueText");
    expect(spoken).toContain(`busy ${(await read(view)).texts[0]}`);
    await view.press('End');
    expectInterval(await read(view), timeline.seconds.length - 1);
    await view.press('Escape');
    expect((await read(view)).crosshair).toBe(false);
  });

  test('answers a finger, and keeps what it pointed at', async (context) => {
    const view = await open(context, 'run', { width: 360, mobile: true });
    await view.tap(await view.placeOf('#timeline .scrubber', 0.70042));
    expectInterval(await read(view), Math.floor(0.70042 * timeline.seconds.length));
  });

  test('is drawn to scale: areas as high as their shares, the device where it ran', async (context) => {
    const view = await open(context, 'two');
    // What lies on top at a point of the drawing is what the time there went to.
    const [line] = TWO.timeline?.devices ?? [];
    const i = 20;
    const at = (height: number): Promise<string> =>
      view.evaluate(`(() => {
        const canvas = document.querySelector('#timeline .canvas');
        document.querySelector('#timeline .scrubber').style.pointerEvents = 'none';
        canvas.scrollIntoView({ block: 'center' });
        const { left, bottom, width, height } = canvas.getBoundingClientRect();
        const hit = document.elementsFromPoint(left + width * ${(i + 0.5) / 41}, bottom - 1 - (height - 1) * ${height});
        return hit.find((e) => e.classList.contains('area'))?.className ?? '';
      })()`);
    let from = 0;
    for (const key of ['busy', 'fetch', 'prep'] as const) {
      const share = line?.[key][i] ?? 0;
      expect(share).toBeGreaterThan(0.03);
      expect(await at(from + share / 2)).toContain(`fill-${key}`);
      from += share;
    }
  });
});

test('the time line of a stopped run says how it was, and what lies before its first batch and after its last', async (context) => {
  const view = await open(context, 'stopped');
  const titles: string[] = await view.evaluate(
    "[...document.querySelectorAll('#timeline .panel h3')].map((e) => e.textContent)",
  );
  expect(titles).toEqual(['cuda:0', 'cuda:1', 'Rows a second', 'Memory of the process']);
  await view.evaluate("document.querySelector('#timeline .scrubber').focus()");
  for (const key of ['Home', 'PageUp', 'PageUp', 'PageUp', 'PageUp']) await view.press(key);
  const [where, busy]: string[] = await view.evaluate(
    "[...document.querySelectorAll('#timeline output')].map((e) => e.textContent)",
  );
  expect(where).toBe('2.40 s to 2.50 s');
  expect(readNumber(busy as string).value).toBeCloseTo(STOPPED.timeline?.devices[0]?.busy[24] ?? 0, 3);
  // Of 12.2 s, 1.9 s and 0.6 s.
  const bands: number[] = await view.evaluate(`[...document.querySelectorAll('#timeline .band')].map(
    (e) => e.getBoundingClientRect().width / e.parentElement.getBoundingClientRect().width)`);
  for (const [i, share] of [1.9, 0.6, 1.9, 0.6].entries()) expect(bands[i]).toBeCloseTo(share / 12.2, 2);
});

describe('the bench', () => {
  test('marks pipeline and loop on the ceilings, and the lowest one', async (context) => {
    const view = await open(context, 'bench');
    const rows: { lowest: boolean; text: string; bar: number; pipeline: number; loop: number }[] =
      await view.evaluate(`[...document.querySelectorAll('.ceiling')].map((e) => {
        const at = (s) => { const r = e.querySelector(s).getBoundingClientRect(); return r.left + (s.startsWith('.marker') ? r.width / 2 : r.width) - e.querySelector('.track').getBoundingClientRect().left; };
        return { lowest: e.classList.contains('lowest'), text: e.textContent, bar: at('.track > i'), pipeline: at('.marker.line-pipeline'), loop: at('.marker.line-loop') };
      })`);
    const { loader, device } = BENCH.ceilings;
    expect(rows.map(({ lowest }) => lowest)).toEqual([false, false, true, false]);
    const [storage, load, dev] = rows;
    const perPixel = loader.rowsPerSecond.median / (load?.bar ?? 0);
    expect((dev?.bar ?? 0) * perPixel).toBeCloseTo(device.rowsPerSecond.median, -2);
    expect((dev?.pipeline ?? 0) * perPixel).toBeCloseTo(BENCH.pipeline.rowsPerSecond.median, -2);
    expect((dev?.loop ?? 0) * perPixel).toBeCloseTo(BENCH.pointToPoint.rowsPerSecond.median, -2);
    // What is far beyond is cut off, and says so.
    expect(storage?.text).toContain('× the lowest');
  });

  test('has a table of what was swept, with the best marked and what failed told', async (context) => {
    const view = await open(context, 'bench', { width: 1400 });
    const rows: string[][] = await view.evaluate(
      "[...document.querySelectorAll('.sweep tbody tr')].map((r) => [r.className, ...[...r.cells].map((c) => c.textContent)])",
    );
    expect(rows).toHaveLength(6);
    expect(rows.map(([best]) => best)).toEqual(['', '', '', 'best', '', '']);
    expect(rows[0]?.slice(1, 3)).toEqual(['32', '2']);
    expect(rows[5]?.slice(1)).toEqual(['4096', '4', expect.stringContaining('the ring needs 8 slots')]);
  });

  test('tells of a batch size where the curve is pointed at', async (context) => {
    const view = await open(context, 'bench');
    await view.evaluate("document.querySelector('#curve .scrubber').focus()");
    for (const key of ['Home', 'ArrowRight', 'ArrowRight', 'ArrowRight']) await view.press(key);
    const [where, ...texts] = await view.evaluate(
      "[...document.querySelectorAll('#curve output')].map((e) => e.textContent)",
    );
    const point = BENCH.curve[3];
    expect(where).toBe('Batches of 8');
    const wanted = [point?.rowsPerSecond.median, point?.runMs.p50, point?.runMs.p99];
    for (const [i, text] of texts.entries()) {
      const { value, tolerance } = readNumber(text);
      expect(Math.abs(value - Number(wanted[i])), text).toBeLessThanOrEqual(tolerance);
    }
  });
});

test('light and dark are as the system says, until the button is pressed', async (context) => {
  const view = await open(context, 'run', { dark: true });
  const paper = (): Promise<string> => view.evaluate('getComputedStyle(document.body).backgroundColor');
  const dark = await paper();
  await view.look({ dark: false });
  const light = await paper();
  expect(light).not.toBe(dark);
  await view.click('#theme');
  expect(await paper()).toBe(dark);
  await view.click('#theme');
  expect(await paper()).toBe(light);
});

test('a simulated device is said to be one', async (context) => {
  const note = "document.querySelector('[role=note]')?.textContent.trim() ?? null";
  const view = await open(context, 'two');
  expect(await view.evaluate(note)).toBe(
    'Simulated devices: sim:0, sim:1. Their times are made up, not measured.',
  );
  expect(await (await open(context, 'run')).evaluate(note)).toBeNull();
});

test('its policy lets nothing be loaded', async (context) => {
  const view = await open(context, 'run');
  const refused = await view.evaluate(`new Promise((done) => {
    document.addEventListener('securitypolicyviolation', (e) => done(e.effectiveDirective), { once: true });
    fetch('http://127.0.0.1:1/').catch(() => {});
  })`);
  expect(refused).toBe('connect-src');
});

describe('as text', () => {
  /** Without scripts, and what they are given. */
  const markupOf = (page: string): string => page.replace(/<script.*?<\/script>/gs, '');

  test('what others named is text, never markup', () => {
    const job = `</script><img src=x onerror=alert(1)>"'&`;
    const page = reportPage({ ...RUN, job, warnings: ['<script>alert(1)</script>'] });
    expect(page.match(/<img.{20}|<script>alert/)).toBeNull();
    expect(page.includes('<h1>&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;')).toBe(true);
    const [, json] = /<script type="application\/json" id="document">(.*?)<\/script>/s.exec(page) ?? [];
    expect(JSON.parse(json ?? '').job).toBe(job);
  });

  test('it names no address, and is the same for the same document', () => {
    const page = reportPage(BENCH);
    expect(page.match(/https?:\/\/(?!www\.w3\.org\/2000\/svg)[^"'\s<]*/g)).toBeNull();
    expect(reportPage(BENCH)).toBe(page);
  });

  test('a run that had nothing to do shows no shares of nothing', () => {
    const { timeline: _, ...report } = RUN;
    const page = reportPage({
      ...report,
      rows: { read: 0, written: 0, deadLettered: 0, resumed: 2000 },
      batches: { count: 0, meanRows: 0, fill: 0, paddingWaste: 0 },
    });
    expect(page).toContain(
      'Nothing was left to do in 2,000 rows: an earlier run of this job has done them all.',
    );
    expect(markupOf(page).match(/class="flow"|NaN/)).toBeNull();
  });

  test('a run of a shard says which one', () => {
    expect(reportPage({ ...RUN, shard: { index: 3, count: 8 } })).toContain('Shard 3/8. ');
    expect(reportPage({ ...RUN, shard: { index: 0, count: 8 } })).toContain('Shard 0/8 = 8/8. ');
    expect(reportPage(RUN)).not.toContain('Shard ');
  });

  test('a bench without a sink, on one batch size, of a device without any time, is a page too', () => {
    const bench = benchReport({ sink: false, quick: true, simulated: true });
    const [point] = bench.curve;
    if (point === undefined) throw new RangeError('no curve');
    const page = reportPage({
      ...bench,
      curve: [point],
      knee: { batchSize: 1, rowsPerSecond: 1 },
      whatIf: [],
    });
    expect(markupOf(page).match(/.{30}(NaN|Infinity|undefined).{30}/)).toBeNull();
  });
});
