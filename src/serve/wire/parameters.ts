import { Refusal } from '../refusal.js';
import type { InferRequest } from '../types.js';
import { quoted } from './quoted.js';

/** Parameters of a request, by name: of JSON, or of gRPC, where whole numbers may come as texts. */
export type Parameters = Readonly<Record<string, unknown>>;

/** What Triton's clients may ask for, and what becomes of it when it is not heeded: so it is refused, by its name. */
const UNSUPPORTED: readonly string[] = ['sequence_id', 'sequence_start', 'sequence_end'];

/** @throws Refusal where one can't be what it is, or is not to be had */
export function scheduling(parameters: Parameters): Pick<InferRequest, 'priority' | 'timeoutMicros'> {
  for (const name of UNSUPPORTED) {
    const value = parameters[name];
    if (value !== undefined && value !== 0 && value !== '0' && value !== '' && value !== false)
      throw new Refusal(
        'invalid',
        `parameter ${name}: sequences are not supported; each request stands alone`,
      );
  }
  const priority = wholeNumber('priority', parameters.priority);
  const timeoutMicros = wholeNumber('timeout', parameters.timeout);
  return {
    ...(priority !== undefined && { priority }),
    // As Triton has it: none at all.
    ...(timeoutMicros !== undefined && timeoutMicros > 0 && { timeoutMicros }),
  };
}

function wholeNumber(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (Number.isSafeInteger(number) && (number as number) >= 0) return number as number;
  throw new Refusal('invalid', `parameter ${name} is ${quoted(value)}, expected a whole number, 0 or more`);
}

/** @throws Refusal where a tensor is to be had, or given, in a way that there is not */
export function checkTensorParameters(kind: string, name: string, parameters: Parameters): void {
  if (parameters.shared_memory_region !== undefined)
    throw new Refusal('invalid', `${kind} ${name}: shared memory is not supported; send its data`);
  if (parameters.classification !== undefined)
    throw new Refusal('invalid', `${kind} ${name}: the classification extension is not supported`);
}
