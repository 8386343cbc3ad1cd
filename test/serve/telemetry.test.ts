import {
  context,
  type HrTime,
  metrics,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { now } from '../../src/clock/now.js';
import { ServeLog } from '../../src/serve/log/log.js';
import { Observer } from '../../src/serve/observer.js';
import type { RequestBegin, RequestEnd } from '../../src/serve/telemetry/request.js';
import { QuietEngine } from './quiet-engine.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

const HTTP: Omit<RequestBegin, 'arrivedAt'> = {
  protocol: 'http',
  method: 'POST',
  route: '/v2/models/:model/infer',
  headers: { 'user-agent': 'curl/8', authorization: 'Bearer s3cret' },
  address: '127.0.0.1',
  server: { address: '127.0.0.1', port: 8000 },
};
const GRPC: Omit<RequestBegin, 'arrivedAt'> = {
  protocol: 'grpc',
  method: 'ModelInfer',
  route: 'inference.GRPCInferenceService',
  headers: {},
};
const ANSWERED: RequestEnd = {
  status: 200,
  endpoint: 'digits',
  rows: 3,
  times: { queue: 1_500, compute: 2_500, batchRows: 64 },
};

let lines: string[];
let log: ServeLog;
beforeEach(() => {
  lines = [];
  log = new ServeLog({ name: 'test', requests: true, output: { write: (text) => void lines.push(text) } });
});
afterEach(() => {
  for (const api of [trace, metrics, propagation, context]) api.disable();
});

function setUpTracing(): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
  return exporter;
}

const microsOf = ([seconds, nanoseconds]: HrTime): number => seconds * 1e6 + nanoseconds / 1e3;

/** A request that arrived a while ago, from its begin to its end. */
function request(observer: Observer, begin: Omit<RequestBegin, 'arrivedAt'>, end: RequestEnd): void {
  observer.begin({ ...begin, arrivedAt: now() - 5_000 })(end);
}

function spansOf(
  exporter: InMemorySpanExporter,
): [server: ReadableSpan, queue?: ReadableSpan, compute?: ReadableSpan] {
  const spans = exporter.getFinishedSpans();
  const server = spans.find(({ name }) => name !== 'queue' && name !== 'compute') as ReadableSpan;
  const child = (wanted: string) => spans.find(({ name }) => name === wanted) as ReadableSpan;
  return [server, child('queue'), child('compute')];
}

describe('a trace', () => {
  test('has a span for a request over HTTP, with its time in the queue and on the device under it', () => {
    const exporter = setUpTracing();
    using observer = new Observer(new QuietEngine(), log, '1.2.3');
    const before = Date.now() * 1e3;
    request(observer, HTTP, ANSWERED);
    const [server, queue, compute] = spansOf(exporter);
    expect(exporter.getFinishedSpans()).toHaveLength(3);
    expect(server.name).toBe('POST /v2/models/:model/infer');
    expect(server.kind).toBe(SpanKind.SERVER);
    expect(server.instrumentationScope).toMatchObject({ name: 'penstock', version: '1.2.3' });
    expect(server.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v2/models/:model/infer',
      'http.response.status_code': 200,
      'url.scheme': 'http',
      'client.address': '127.0.0.1',
      'server.address': '127.0.0.1',
      'server.port': 8000,
      'user_agent.original': 'curl/8',
      'penstock.endpoint': 'digits',
      'penstock.rows': 3,
    });
    expect(server.status.code).toBe(SpanStatusCode.UNSET);
    for (const child of [queue, compute])
      expect(child?.parentSpanContext?.spanId).toBe(server.spanContext().spanId);
    // The queue begins where the request does, the run where the queue ends; all of it now.
    expect(queue?.startTime).toEqual(server.startTime);
    expect(compute?.startTime).toEqual(queue?.endTime);
    expect(microsOf(queue?.duration as HrTime)).toBeCloseTo(1_500, 0);
    expect(microsOf(compute?.duration as HrTime)).toBeCloseTo(2_500, 0);
    expect(microsOf(server.duration)).toBeGreaterThanOrEqual(5_000);
    expect(Math.abs(microsOf(server.endTime) - before)).toBeLessThan(5e6);
    expect(compute?.attributes).toEqual({ 'penstock.batch.rows': 64 });
  });

  test('goes on from the span of the client', () => {
    const exporter = setUpTracing();
    using observer = new Observer(new QuietEngine(), log, '1.2.3');
    request(observer, { ...HTTP, headers: { traceparent: `00-${TRACE}-${PARENT}-01` } }, ANSWERED);
    const [server] = spansOf(exporter);
    expect(server.spanContext().traceId).toBe(TRACE);
    expect(server.parentSpanContext?.spanId).toBe(PARENT);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ event: 'request', traceId: TRACE });
  });

  test('goes on as the propagator says, where the process has one', () => {
    const exporter = setUpTracing();
    propagation.setGlobalPropagator({
      fields: () => ['b3'],
      inject: () => {},
      extract: (parent, carrier, getter) => {
        const [traceId = '', spanId = ''] = String(getter.get(carrier, 'b3')).split('-');
        return trace.setSpanContext(parent, { traceId, spanId, traceFlags: 1, isRemote: true });
      },
    });
    using observer = new Observer(new QuietEngine(), log, '1.2.3');
    request(observer, { ...HTTP, headers: { b3: `${TRACE}-${PARENT}-1` } }, ANSWERED);
    expect(spansOf(exporter)[0].parentSpanContext).toMatchObject({ traceId: TRACE, spanId: PARENT });
  });

  test('begins anew where the header is none', () => {
    const exporter = setUpTracing();
    using observer = new Observer(new QuietEngine(), log, '1.2.3');
    const wrong = [
      '',
      'x',
      `00-${'0'.repeat(32)}-${PARENT}-01`,
      `ff-${TRACE}-${PARENT}-01`,
      `00-${TRACE}-${PARENT}-01x`,
    ];
    for (const traceparent of wrong)
      request(observer, { ...HTTP, headers: { traceparent } }, { status: 200 });
    expect(exporter.getFinishedSpans().map(({ parentSpanContext }) => parentSpanContext)).toEqual(
      wrong.map(() => undefined),
    );
  });

  test('speaks of gRPC as the conventions for it do', () => {
    const exporter = setUpTracing();
    using observer = new Observer(new QuietEngine(), log, '1.2.3');
    request(observer, GRPC, { status: 8, endpoint: 'digits', refusal: { reason: 'full', message: 'full' } });
    const [server] = spansOf(exporter);
    expect(server.name).toBe('inference.GRPCInferenceService/ModelInfer');
    expect(server.attributes).toEqual({
      'rpc.system.name': 'grpc',
      'rpc.method': 'inference.GRPCInferenceService/ModelInfer',
      'rpc.response.status_code': 'RESOURCE_EXHAUSTED',
      'penstock.endpoint': 'digits',
      'error.type': 'full',
    });
    expect(server.status.code).toBe(SpanStatusCode.UNSET);
  });

  test.each([
    [HTTP, 500, 'failed', SpanStatusCode.ERROR, 'cuda:0 is gone'],
    [HTTP, 503, 'draining', SpanStatusCode.ERROR, undefined],
    [HTTP, 429, 'full', SpanStatusCode.UNSET, undefined],
    [HTTP, 400, 'invalid', SpanStatusCode.UNSET, undefined],
    [GRPC, 4, 'expired', SpanStatusCode.ERROR, undefined],
    [GRPC, 3, 'invalid', SpanStatusCode.UNSET, undefined],
  ])(
    'is an error where it is ours, and says no more than it may: %o %i %s',
    (begin, status, reason, code, said) => {
      const exporter = setUpTracing();
      using observer = new Observer(new QuietEngine(), log, '1.2.3');
      request(observer, begin, { status, refusal: { reason, message: 'cuda:0 is gone' } });
      const [server] = spansOf(exporter);
      expect(server.status.code).toBe(code);
      expect(server.status.message).toBe(said);
      expect(server.attributes['error.type']).toBe(reason);
    },
  );

  test('holds neither tokens nor what was asked for', () => {
    const exporter = setUpTracing();
    using observer = new Observer(new QuietEngine(), log, '1.2.3');
    request(observer, HTTP, ANSWERED);
    const said = exporter
      .getFinishedSpans()
      .map(({ name, attributes, events }) => ({ name, attributes, events }));
    expect(JSON.stringify(said)).not.toContain('s3cret');
    expect(lines.join('')).not.toContain('s3cret');
  });

  test('of a request that another instrumentation has a span for is what happens inside', () => {
    const exporter = setUpTracing();
    const outer = trace.getTracer('http').startSpan('POST');
    context.setGlobalContextManager({
      active: () => trace.setSpan(ROOT, outer),
      with: (_, fn, that, ...args) => fn.call(that as never, ...args),
      bind: (_, target) => target,
      enable() {
        return this;
      },
      disable() {
        return this;
      },
    });
    using observer = new Observer(new QuietEngine(), log, '1.2.3');
    request(observer, { ...HTTP, headers: { traceparent: `00-${TRACE}-${PARENT}-01` } }, { status: 200 });
    const [server] = spansOf(exporter);
    expect(server.kind).toBe(SpanKind.INTERNAL);
    expect(server.parentSpanContext?.spanId).toBe(outer.spanContext().spanId);
  });

  test('begins with an SDK that is configured later', () => {
    using observer = new Observer(new QuietEngine(), log, '1.2.3');
    request(observer, HTTP, ANSWERED);
    const exporter = setUpTracing();
    request(observer, HTTP, ANSWERED);
    expect(exporter.getFinishedSpans()).toHaveLength(3);
  });
});

const ROOT = context.active();

describe('metrics through OpenTelemetry', () => {
  async function collect(use: (observer: Observer) => void, engine = new QuietEngine()) {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    metrics.disable();
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
    using observer = new Observer(engine, log, '1.2.3');
    use(observer);
    await reader.forceFlush();
    const found =
      exporter.getMetrics()[0]?.scopeMetrics.find(({ scope }) => scope.name === 'penstock')?.metrics ?? [];
    await reader.shutdown();
    return new Map(found.map(({ descriptor, dataPoints }) => [descriptor.name, { descriptor, dataPoints }]));
  }

  test('are what the engine counts, and how long requests took', async () => {
    const engine = new QuietEngine();
    engine.answered('digits', [1, 2]);
    engine.addDevice('cpu', { busy: 3e6 });
    const found = await collect((observer) => {
      request(observer, HTTP, ANSWERED);
      request(observer, GRPC, { status: 8, refusal: { reason: 'full', message: 'full' } });
    }, engine);
    const points = found.get('penstock.requests')?.dataPoints ?? [];
    expect(found.get('penstock.requests')?.descriptor).toMatchObject({ unit: '{request}' });
    expect(
      points.find(({ attributes: { endpoint, outcome } }) => endpoint === 'digits' && outcome === 'succeeded')
        ?.value,
    ).toBe(1);
    expect(found.get('penstock.device.busy')?.dataPoints).toMatchObject([
      { attributes: { device: 'cpu' }, value: 3 },
    ]);
    expect(found.get('http.server.request.duration')?.dataPoints).toMatchObject([
      {
        attributes: {
          'http.request.method': 'POST',
          'http.route': '/v2/models/:model/infer',
          'http.response.status_code': 200,
        },
        value: { count: 1 },
      },
    ]);
    expect(found.get('rpc.server.call.duration')?.dataPoints).toMatchObject([
      {
        attributes: { 'rpc.response.status_code': 'RESOURCE_EXHAUSTED', 'error.type': 'full' },
        value: { count: 1 },
      },
    ]);
    expect(found.get('penstock.request.queue.duration')?.dataPoints).toMatchObject([
      { attributes: { endpoint: 'digits' }, value: { count: 1, sum: 0.0015 } },
    ]);
  });

  test('ask the engine when they are collected, once, and not once the server is closed', async () => {
    const engine = new QuietEngine();
    await collect(() => {}, engine);
    // When it was flushed, and when it was shut down.
    expect(engine.asked).toBe(2);
    await collect((observer) => observer[Symbol.dispose](), engine);
    expect(engine.asked).toBe(2);
  });
});

test('without an SDK nothing is asked of the engine, and nothing kept', () => {
  const engine = new QuietEngine();
  using observer = new Observer(engine, log, '1.2.3');
  request(observer, HTTP, ANSWERED);
  expect(engine.asked).toBe(0);
  expect(JSON.parse(lines[0] ?? '')).not.toHaveProperty('traceId');
});
