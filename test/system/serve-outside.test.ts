import { metrics, SpanKind, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import {
  livePage,
  parseServeConfig,
  type ServeConfigInput,
  type ServeOptions,
  type Server,
  startServer,
} from 'penstock';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Browser, CHROMIUM, NO_CHROMIUM, picture } from '../helpers/chromium.js';
import { lint, parseExposition, type ScrapedFamily } from '../serve/exposition.js';
import { grpcClient } from '../serve/grpc-client.js';

/** A simulated device: 2 ms a batch, and 0.1 ms a row. */
function configOf(queue: NonNullable<ServeConfigInput['models'][string]['queue']> = {}): ServeConfigInput {
  return {
    name: 'shop',
    listen: { port: 0, grpcPort: null },
    models: {
      wide: {
        model: { runtime: 'simulated', options: { batchMicros: 2_000, rowMicros: 100 } },
        inputs: { x: { dtype: 'float32', shape: [2] } },
        batch: { size: 8 },
        queue,
        endpoints: { wide: {}, 'wide-bulk': { priority: 2 } },
      },
    },
  };
}

async function start(options: ServeOptions = {}, config = configOf()): Promise<Server> {
  const server = await startServer(parseServeConfig(config), { page: livePage, ...options });
  onTestFinished(() => server.close());
  return server;
}

function infer(url: string, endpoint = 'wide'): Promise<number> {
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });
  return fetch(`${url}/v2/models/${endpoint}/infer`, { method: 'POST', body }).then(async (response) => {
    await response.arrayBuffer();
    return response.status;
  });
}

async function scrape(url: string): Promise<Map<string, ScrapedFamily>> {
  return parseExposition(await (await fetch(`${url}/metrics`)).text());
}

function sumOf(
  families: Map<string, ScrapedFamily>,
  sample: string,
  labels: Record<string, string> = {},
): number {
  return [...families.values()]
    .flatMap(({ samples }) => samples)
    .filter(
      ({ name, labels: its }) =>
        name === sample && Object.entries(labels).every(([key, value]) => its[key] === value),
    )
    .reduce((sum, { value }) => sum + value, 0);
}

describe('a server, seen from outside', () => {
  test('counts in its metrics what its clients counted', async () => {
    const { url } = await start({}, configOf({ maxRows: 10 }));
    const statuses = await Promise.all(
      Array.from({ length: 300 }, (_, i) => infer(url, i % 3 === 0 ? 'wide-bulk' : 'wide')),
    );
    const answered = statuses.filter((status) => status === 200).length;
    expect(answered).toBeGreaterThan(0);
    const families = await scrape(url);
    expect([...families.values()].flatMap(lint)).toEqual([]);
    expect(sumOf(families, 'penstock_requests_total')).toBe(300);
    expect(sumOf(families, 'penstock_requests_total', { outcome: 'succeeded' })).toBe(answered);
    expect(sumOf(families, 'penstock_rows_total')).toBe(answered);
    for (const part of ['duration', 'queue', 'compute'])
      expect(sumOf(families, `penstock_request_${part}_seconds_count`)).toBe(answered);
    const seconds = (part: string): number => sumOf(families, `penstock_request_${part}_seconds_sum`);
    expect(seconds('queue') + seconds('compute')).toBeLessThanOrEqual(seconds('duration') * 1.001);
    expect(sumOf(families, 'penstock_queue_rows')).toBe(0);
    expect(sumOf(families, 'penstock_device_busy_seconds_total')).toBeGreaterThan(0);
  });

  test('is shown to those with its token; the page itself, which tells nothing, to all', async () => {
    const { url } = await start({ token: 's3cret' });
    const status = async (path: string, headers: Record<string, string> = {}): Promise<number> => {
      const response = await fetch(url + path, { headers });
      await response.body?.cancel();
      return response.status;
    };
    const authorization = 'Bearer s3cret';
    expect(await status('/metrics')).toBe(401);
    expect(await status('/metrics', { authorization })).toBe(200);
    expect(await status('/')).toBe(200);
    expect(await status('/live/main.js')).toBe(200);
    expect(await status('/live/nix.js')).toBe(404);
    expect(await status('/live/events')).toBe(401);
    expect(await status('/live/events?token=s3cret')).toBe(401);
    expect(await status('/live/events', { authorization })).toBe(200);
  });

  test('tells those who look on when it ends, and does not wait for them', async () => {
    const server = await start();
    const { body } = await fetch(`${server.url}/live/events`);
    const text = new Response(body).text();
    await server.close();
    expect(await text).toMatch(/^event: subject\n[\s\S]*event: end\ndata: \{\}\n\n$/);
  });

  test('has no page where none was handed in', async () => {
    const server = await startServer(parseServeConfig(configOf()));
    onTestFinished(() => server.close());
    expect((await fetch(`${server.url}/`)).status).toBe(404);
    expect((await fetch(`${server.url}/metrics`)).status).toBe(200);
  });
});

describe('a server in a process with OpenTelemetry', () => {
  afterEach(() => {
    trace.disable();
    metrics.disable();
  });

  test('traces what came over HTTP and gRPC, under the spans of its clients', async () => {
    const exporter = new InMemorySpanExporter();
    trace.setGlobalTracerProvider(
      new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
    );
    const config = configOf();
    const { url, grpcUrl } = await start({}, { ...config, listen: { port: 0, grpcPort: 0 } });
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
    const tensor = { name: 'x', datatype: 'FP32', shape: [3, 2] };
    const answered = await fetch(`${url}/v2/models/wide/infer`, {
      method: 'POST',
      headers: { traceparent },
      body: JSON.stringify({ inputs: [{ ...tensor, data: [1, 2, 3, 4, 5, 6] }] }),
    });
    expect(answered.status).toBe(200);
    expect(await infer(url, 'nix')).toBe(404);
    await grpcClient(grpcUrl)('ModelInfer', {
      model_name: 'wide-bulk',
      inputs: [{ ...tensor, contents: { fp32_contents: [1, 2, 3, 4, 5, 6] } }],
    });
    // Looking on is no request of a client.
    await scrape(url);
    const isWhole = () => exporter.getFinishedSpans().length === 7;
    await expect.poll(isWhole).toBe(true);
    const spans = exporter.getFinishedSpans();
    const named = (name: string) => spans.filter((span) => span.name === name);
    const [http, missed] = named('POST /v2/models/:model/infer');
    expect(http?.kind).toBe(SpanKind.SERVER);
    expect(http?.spanContext().traceId).toBe(traceId);
    expect(http?.attributes).toMatchObject({
      'http.response.status_code': 200,
      'penstock.endpoint': 'wide',
      'penstock.rows': 3,
    });
    expect(missed?.attributes).toMatchObject({ 'http.response.status_code': 404, 'error.type': 'unknown' });
    const [grpc] = named('inference.GRPCInferenceService/ModelInfer');
    expect(grpc?.attributes).toMatchObject({
      'rpc.system.name': 'grpc',
      'rpc.response.status_code': 'OK',
      'penstock.endpoint': 'wide-bulk',
    });
    for (const name of ['queue', 'compute'])
      expect(named(name).map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(
        [http, grpc].map((span) => span?.spanContext().spanId),
      );
    expect(named('compute')[0]?.attributes).toEqual({ 'penstock.batch.rows': 3 });
  });
});

describe('its live page, in a browser', () => {
  let browser: Browser | undefined;
  beforeAll(() => {
    if (CHROMIUM) browser = new Browser(CHROMIUM);
  });
  afterAll(() => browser?.[Symbol.asyncDispose]());

  test('shows the traffic that there is', async (context) => {
    if (browser === undefined) return context.skip(NO_CHROMIUM);
    const { url, engine } = await start();
    const view = await browser.open(new URL(url));
    const until = (expression: string): Promise<void> =>
      view.evaluate(`new Promise((done) => {
        const look = () => ((${expression}) ? done() : setTimeout(look, 20));
        look();
      })`);
    const figure = (key: string): string =>
      `Number(document.querySelector('[data-key="${key}"]')?.value ?? NaN)`;
    await until(`document.querySelector('#status').textContent === 'ready'`);
    let answered = 0;
    let isOver = false;
    const clients = Array.from({ length: 4 }, async (_, i) => {
      while (!isOver) if ((await infer(url, i === 0 ? 'wide-bulk' : 'wide')) === 200) answered++;
    });
    await until(`${figure('endpoints.0.answered')} > 0 && ${figure('devices.busy')} > 0`);
    // A batch takes 2.1 ms at the least.
    expect(await view.evaluate(figure('endpoints.0.total.p99'))).toBeGreaterThan(2);
    await picture(view, 'serve');
    isOver = true;
    await Promise.all(clients);
    await until(`${figure('endpoints.0.sums.answered')} === ${answered}`);
    const shown = await Promise.all([1, 2].map((i) => view.evaluate(figure(`endpoints.${i}.sums.answered`))));
    expect(shown).toEqual(engine.stats().endpoints.map(({ succeeded }) => succeeded));
    await until(`${figure('endpoints.0.answered')} === 0`);
    expect(view.complaints).toEqual([]);
    expect(await view.evaluate("document.querySelector('h1').textContent")).toContain('shop');
  });
});
