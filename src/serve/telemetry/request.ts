import type { IncomingHttpHeaders } from 'node:http';
import type { InferTimes } from '../types.js';

/** A request as it comes in, whatever it speaks. */
export interface RequestBegin {
  readonly protocol: 'http' | 'grpc';
  /** `POST`; of gRPC the name of the procedure, `ModelInfer`. */
  readonly method: string;
  /** `/v2/models/:model/infer`, the pattern, not what was asked for; of gRPC the service, `inference.GRPCInferenceService`. */
  readonly route: string;
  /** Of which only `traceparent`, `tracestate` and `user-agent` are looked at; of gRPC its metadata. */
  readonly headers: IncomingHttpHeaders;
  /** Microseconds of `now()`. */
  readonly arrivedAt: number;
  /** Of the client. */
  readonly address?: string | undefined;
  /** Ours. */
  readonly server?: { readonly address: string; readonly port: number } | undefined;
}

/** What became of it. */
export interface RequestEnd {
  /** Of HTTP; of gRPC the code, 0 for well. */
  readonly status: number;
  /** That it asked for, where there is such a one. */
  readonly endpoint?: string | undefined;
  readonly rows?: number | undefined;
  readonly times?: InferTimes | undefined;
  /** Why it was not answered with outputs, and in words. */
  readonly refusal?: { readonly reason: string; readonly message: string } | undefined;
}
