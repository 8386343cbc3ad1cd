import type { Attributes } from '@opentelemetry/api';
import type { RequestBegin } from './request.js';

/*
 * OpenTelemetry's semantic conventions for servers of HTTP and gRPC, version 1.45: the names of what spans and
 * measurements say of a request.
 */

type Protocol = RequestBegin['protocol'];

/** gRPC's status codes by number. */
const GRPC_CODES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

const GRPC_FAULTS: ReadonlySet<string> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

type Call = Pick<RequestBegin, 'protocol' | 'method' | 'route'>;

/** Of a span. */
export function nameOf({ protocol, method, route }: Call): string {
  return protocol === 'http' ? `${method} ${route}` : `${route}/${method}`;
}

/** What is called. */
export function callAttributes(call: Call): Attributes {
  return call.protocol === 'http'
    ? { 'http.request.method': call.method, 'http.route': call.route }
    : { 'rpc.system.name': 'grpc', 'rpc.method': nameOf(call) };
}

export function statusText(protocol: Protocol, status: number): string {
  return protocol === 'http' ? String(status) : (GRPC_CODES[status] ?? String(status));
}

/** How it ended. */
export function statusAttributes(protocol: Protocol, status: number): Attributes {
  return protocol === 'http'
    ? { 'http.response.status_code': status }
    : { 'rpc.response.status_code': statusText(protocol, status) };
}

/** Whether that is an error of the server; of a client's it is none. */
export function isServersFault(protocol: Protocol, status: number): boolean {
  return protocol === 'http' ? status >= 500 : GRPC_FAULTS.has(statusText(protocol, status));
}
