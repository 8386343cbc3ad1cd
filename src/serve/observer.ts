import { now } from '../clock/now.js';
import type { ServeLog } from './log/log.js';
import { Meters } from './telemetry/meters.js';
import type { RequestBegin, RequestEnd } from './telemetry/request.js';
import { Tracing } from './telemetry/tracing.js';
import type { Engine } from './types.js';

/**
 * Whoever speaks a protocol tells it of each request, once when it arrives and once when it is over; it tells the log and
 * OpenTelemetry. (Prometheus needs nobody to tell it: it reads what the engine counts.) Whoever opens it closes it.
 */
export class Observer implements Disposable {
  readonly #log: ServeLog;
  readonly #tracing: Tracing;
  readonly #meters: Meters;

  constructor(engine: Pick<Engine, 'stats'>, log: ServeLog, version: string) {
    this.#log = log;
    this.#tracing = new Tracing(version);
    this.#meters = new Meters(engine, version);
  }

  /** A request arrives. Call what it returns when it is over: once, however that came. */
  begin(request: RequestBegin): (end: RequestEnd) => void {
    const span = this.#tracing.begin(request);
    return (end) => {
      span?.end(end);
      this.#meters.record(request, end);
      const { refusal, endpoint } = end;
      if (refusal !== undefined) this.#log.refused(endpoint, refusal.reason, refusal.message);
      if (!this.#log.logsRequests) return;
      const { protocol, method, route, arrivedAt } = request;
      const micros = now() - arrivedAt;
      const traceId = span?.traceId;
      this.#log.request({ protocol, method, route, micros, traceId, ...end, refusal: refusal?.reason });
    };
  }

  [Symbol.dispose](): void {
    this.#meters[Symbol.dispose]();
  }
}
