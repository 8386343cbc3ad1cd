import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';

export const CHROMIUM = process.env.PENSTOCK_TEST_CHROMIUM;
export const NO_CHROMIUM = 'no chromium (PENSTOCK_TEST_CHROMIUM)';

/** What is looked at, and how. */
export interface ViewOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  /** A finger in place of a mouse. */
  readonly mobile?: boolean;
  readonly print?: boolean;
}

/** A folder for pictures of what tests see, to be looked at; without it there are none. */
export const PICTURES = process.env.PENSTOCK_TEST_PICTURES;

export async function picture(view: View, name: string): Promise<void> {
  if (PICTURES === undefined) return;
  mkdirSync(PICTURES, { recursive: true });
  writeFileSync(join(PICTURES, `${name}.png`), await view.screenshot());
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  // biome-ignore lint/suspicious/noExplicitAny: the protocol's own shapes, one a method
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly result?: any;
  readonly error?: { readonly message: string };
}

/**
 * A headless Chromium, driven by the DevTools protocol over a pipe. Whoever opens it closes it.
 *
 *     await using browser = new Browser(CHROMIUM);
 *     const view = await browser.open('report.html', { dark: true });
 */
export class Browser implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #profile = mkdtempSync(join(tmpdir(), 'penstock-chromium-'));
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #listeners = new Set<(message: Message) => void>();
  readonly #exited: Promise<void>;
  #id = 0;
  #failure: Error | undefined;

  constructor(path: string) {
    this.#child = spawn(
      path,
      [
        '--headless',
        '--remote-debugging-pipe',
        `--user-data-dir=${this.#profile}`,
        // Chromium's sandbox does not start for root, nor in most containers; what is opened is our own page.
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--no-first-run',
        '--hide-scrollbars',
        '--font-render-hinting=none',
        'about:blank',
      ],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
    );
    this.#exited = new Promise((resolve) => this.#child.once('close', () => resolve()));
    this.#child.once('error', (error) => this.#fail(error));
    this.#child.once('close', (code) => this.#fail(new Error(`chromium ended with code ${code}`)));
    const from = this.#child.stdio[4] as Readable;
    let rest = '';
    from.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\0');
      rest = parts.pop() ?? '';
      for (const part of parts) this.#receive(JSON.parse(part));
    });
  }

  #receive(message: Message): void {
    if (message.id === undefined) for (const listener of this.#listeners) listener(message);
    else this.#waiting.get(message.id)?.(message);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const answer of this.#waiting.values()) answer({ error });
  }

  // biome-ignore lint/suspicious/noExplicitAny: the protocol's own shapes, one a method
  async send(method: string, params: object = {}, sessionId?: string): Promise<any> {
    const id = ++this.#id;
    const answer = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    if (this.#failure !== undefined) throw this.#failure;
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    const { result, error } = await answer;
    this.#waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  listen(listener: (message: Message) => void): void {
    this.#listeners.add(listener);
  }

  /** Opens a file or an address, and waits until it is loaded and drawn. */
  async open(target: string | URL, options: ViewOptions = {}): Promise<View> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const view = new View(this, sessionId);
    await view.load((target instanceof URL ? target : pathToFileURL(target)).href, options);
    return view;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.send('Browser.close').catch(() => this.#child.kill('SIGKILL'));
    await this.#exited;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What a page says of itself while it is open. */
const OBSERVE = `
  window.shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shift += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
`;

/** A page that is open. */
export class View {
  readonly #browser: Browser;
  readonly #session: string;
  /** What its console, its scripts and its policy complained about. */
  readonly complaints: string[] = [];
  /** Everything that it asked for, itself included. */
  readonly requests: string[] = [];

  constructor(browser: Browser, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  // biome-ignore lint/suspicious/noExplicitAny: the protocol's own shapes, one a method
  send(method: string, params: object = {}): Promise<any> {
    return this.#browser.send(method, params, this.#session);
  }

  async load(url: string, options: ViewOptions): Promise<void> {
    const loaded = new Promise<void>((resolve) => {
      this.#browser.listen(({ sessionId, method, params }) => {
        if (sessionId !== this.#session) return;
        if (method === 'Page.loadEventFired') resolve();
        if (method === 'Network.requestWillBeSent') this.requests.push(params.request.url);
        if (method === 'Log.entryAdded') this.complaints.push(params.entry.text);
        if (method === 'Runtime.exceptionThrown') this.complaints.push(params.exceptionDetails.text);
        if (method === 'Runtime.consoleAPICalled')
          this.complaints.push(params.args.map(({ value }: { value: unknown }) => value).join(' '));
      });
    });
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await this.send(`${domain}.enable`);
    await this.look(options);
    await this.send('Page.addScriptToEvaluateOnNewDocument', { source: OBSERVE });
    await this.send('Page.navigate', { url });
    await loaded;
    await this.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))');
  }

  /** From another window: its size, its colours. */
  async look({
    width = 1200,
    height = 900,
    dark = false,
    mobile = false,
    print = false,
  }: ViewOptions): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile,
    });
    await this.send('Emulation.setTouchEmulationEnabled', { enabled: mobile });
    await this.send('Emulation.setEmulatedMedia', {
      media: print ? 'print' : '',
      features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }],
    });
  }

  /** The value of an expression in the page, awaited. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the expression gives
  async evaluate(expression: string): Promise<any> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined)
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** What an element says once that is something else than now. */
  textAfterChange(selector: string): Promise<string> {
    return this.evaluate(`new Promise((done) => {
      const element = document.querySelector(${JSON.stringify(selector)});
      new MutationObserver(() => done(element.textContent)).observe(element, { childList: true });
    })`);
  }

  /** The middle of the first element that a selector finds, or a share of its way across, in the window. */
  async placeOf(selector: string, across = 0.5): Promise<{ x: number; y: number }> {
    return this.evaluate(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      element.scrollIntoView({ block: 'center' });
      const { left, top, width, height } = element.getBoundingClientRect();
      return { x: left + width * ${across}, y: top + height / 2 };
    })()`);
  }

  async moveMouse(place: { x: number; y: number }): Promise<void> {
    await this.send('Input.dispatchMouseEvent', { type: 'mouseMoved', ...place });
  }

  async click(selector: string): Promise<void> {
    const place = await this.placeOf(selector);
    for (const type of ['mousePressed', 'mouseReleased'])
      await this.send('Input.dispatchMouseEvent', { type, ...place, button: 'left', clickCount: 1 });
  }

  async tap(place: { x: number; y: number }): Promise<void> {
    await this.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [place] });
    await this.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  }

  async press(key: string): Promise<void> {
    for (const type of ['keyDown', 'keyUp'])
      await this.send('Input.dispatchKeyEvent', { type, key, code: key });
  }

  /** The whole page as PNG. */
  async screenshot(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', {
      format: 'png',
      captureBeyondViewport: true,
    });
    return Buffer.from(data, 'base64');
  }
}
