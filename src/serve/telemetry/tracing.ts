import {
  type Attributes,
  type Context,
  context,
  defaultTextMapGetter,
  type HrTime,
  isValidSpanId,
  isValidTraceId,
  type ProxyTracerProvider,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { now } from '../../clock/now.js';
import { callAttributes, isServersFault, nameOf, statusAttributes, statusText } from './conventions.js';
import type { RequestBegin, RequestEnd } from './request.js';

/** Microseconds of `now()` at the epoch of wall clocks. */
const EPOCH = (performance.timeOrigin + performance.now()) * 1e3 - now();

/**
 * A span for each request, by the semantic conventions for servers of HTTP and gRPC, with one for its time in the queue
 * and one for that on the device under it. Where no SDK is configured, `begin` is two comparisons.
 */
export class Tracing {
  readonly #version: string;

  constructor(version: string) {
    this.#version = version;
  }

  /** Undefined where nobody traces. Whoever begins a span ends it. */
  begin(request: RequestBegin): RequestSpan | undefined {
    const tracer = this.#tracer();
    if (tracer === undefined) return undefined;
    const parent = parentOf(request);
    const span = tracer.startSpan(
      nameOf(request),
      {
        // Where an instrumentation of the protocol has a span for it already, ours is what happens inside.
        kind: trace.getSpan(context.active()) === undefined ? SpanKind.SERVER : SpanKind.INTERNAL,
        startTime: timeOf(request.arrivedAt),
        attributes: attributesOf(request),
      },
      parent,
    );
    return new RequestSpan(tracer, span, request);
  }

  /** An SDK may be configured after we started: the provider is asked anew each time. */
  #tracer(): Tracer | undefined {
    const provider = trace.getTracerProvider();
    // It may come from another copy of the API, as an SDK brings one along: then it is no instance of our class.
    if ('getDelegateTracer' in provider)
      return (provider as ProxyTracerProvider).getDelegateTracer('penstock', this.#version);
    return provider.getTracer('penstock', this.#version);
  }
}

export class RequestSpan {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #request: RequestBegin;

  constructor(tracer: Tracer, span: Span, request: RequestBegin) {
    this.#tracer = tracer;
    this.#span = span;
    this.#request = request;
  }

  /** For the log, so that one can be found from the other. */
  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  end({ status, endpoint, rows, times, refusal }: RequestEnd): void {
    const span = this.#span;
    const { protocol, arrivedAt } = this.#request;
    if (times !== undefined) {
      const ran = arrivedAt + times.queue;
      this.#child('queue', arrivedAt, ran, {});
      this.#child('compute', ran, ran + times.compute, { 'penstock.batch.rows': times.batchRows });
    }
    span.setAttributes(statusAttributes(protocol, status));
    if (endpoint !== undefined) span.setAttribute('penstock.endpoint', endpoint);
    if (rows !== undefined) span.setAttribute('penstock.rows', rows);
    const isFault = isServersFault(protocol, status);
    if (refusal !== undefined) span.setAttribute('error.type', refusal.reason);
    else if (isFault) span.setAttribute('error.type', statusText(protocol, status));
    if (isFault) {
      // Only a failure of ours says what it is: other messages may quote what the client sent.
      const said = refusal?.reason === 'failed' ? { message: refusal.message } : {};
      span.setStatus({ code: SpanStatusCode.ERROR, ...said });
    }
    span.end(timeOf(now()));
  }

  #child(name: string, from: number, to: number, attributes: Attributes): void {
    const under = trace.setSpan(context.active(), this.#span);
    this.#tracer.startSpan(name, { startTime: timeOf(from), attributes }, under).end(timeOf(to));
  }
}

function timeOf(micros: number): HrTime {
  const epochMicros = EPOCH + micros;
  const seconds = Math.floor(epochMicros / 1e6);
  return [seconds, Math.round((epochMicros - seconds * 1e6) * 1e3)];
}

function attributesOf(request: RequestBegin): Attributes {
  const { headers, address, server } = request;
  const userAgent = headers['user-agent'];
  return {
    ...callAttributes(request),
    ...(request.protocol === 'http' && { 'url.scheme': 'http' }),
    ...(address !== undefined && { 'client.address': address }),
    ...(server !== undefined && { 'server.address': server.address, 'server.port': server.port }),
    ...(userAgent !== undefined && { 'user_agent.original': userAgent }),
  };
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

/**
 * The span that the client wants ours to be under. An SDK need not have configured a propagator; then the header of the W3C
 * is understood all the same.
 */
function parentOf({ headers }: RequestBegin): Context {
  const active = context.active();
  if (trace.getSpan(active) !== undefined) return active;
  if (propagation.fields().length > 0) return propagation.extract(active, headers, defaultTextMapGetter);
  const { traceparent } = headers;
  const [, traceId = '', spanId = '', flags = '00'] =
    (typeof traceparent === 'string' && TRACEPARENT.exec(traceparent.trim())) || [];
  if (!isValidTraceId(traceId) || !isValidSpanId(spanId)) return active;
  return trace.setSpanContext(active, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
  });
}
