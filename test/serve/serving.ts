import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import type { EngineEvent } from '../../src/serve/events.js';
import type { Refusal, RefusalReason } from '../../src/serve/refusal.js';
import type { Engine, InferRequest, InferResult } from '../../src/serve/types.js';
import { workspace } from '../helpers/workspace.js';

type EngineModule = typeof import('../../src/serve/engine.js');
type ConfigModule = typeof import('../../src/serve/config.js');
type ClockModule = typeof import('../../src/clock/now.js');
export const built = (path: string) => import(new URL(`../../dist/${path}`, import.meta.url).href);
/** The built ones: threads are started from files on disk. */
const { createEngine }: EngineModule = await built('serve/engine.js');
export const { parseServeConfig }: ConfigModule = await built('serve/config.js');
export const { now }: ClockModule = await built('clock/now.js');

const SESSION = fileURLToPath(new URL('./fixtures/recording-session.mjs', import.meta.url));

/** An engine that is ended when the test is over; what happened in it is in `events`. */
export async function serving(config: object, events: EngineEvent[] = []): Promise<Engine> {
  const engine = await createEngine(parseServeConfig(config), { onEvent: (event) => events.push(event) });
  onTestFinished(() => engine[Symbol.asyncDispose]());
  return engine;
}

/** Models on a device that writes down what runs on it, and that waits when it is told to. */
export interface Recording {
  model(options?: object, rest?: object): object;
  /** Values of each batch that ran, in their order. */
  readonly batches: number[][];
  readonly rows: number[];
  /** Resolves when a batch with this value runs. */
  runs(value: number): Promise<void>;
  /** A batch with the value −1 holds the device until this is called. */
  open(): void;
}

export function recording(): Recording {
  const log = workspace()('log');
  const read = (): number[][] => {
    if (!existsSync(log)) return [];
    const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as number[]);
  };
  const open = (): void => writeFileSync(`${log}.open`, '');
  // A device that still waits would not let the engine end.
  onTestFinished(open);
  return {
    model: (options = {}, rest = {}) => ({
      model: { runtime: 'module', uri: SESSION, options: { log, ...options } },
      batch: { size: 4 },
      ...rest,
    }),
    get batches() {
      return read();
    },
    get rows() {
      return read().flat();
    },
    runs: (value) =>
      vi.waitFor(
        () => {
          if (!read().flat().includes(value)) throw new Error(`${value} does not run`);
        },
        { timeout: 30_000, interval: 2 },
      ),
    open,
  };
}

/** A request of rows of one number each. */
export function requestOf(
  endpoint: string,
  values: readonly number[],
  rest: Partial<InferRequest> = {},
): InferRequest {
  const data = Float32Array.from(values);
  return {
    endpoint,
    inputs: [{ name: 'x', dtype: 'float32', shape: [values.length, 1], data }],
    arrivedAt: now(),
    ...rest,
  };
}

export const outputOf = (result: InferResult): number[] =>
  Array.from(result.outputs[0]?.data as Float32Array, Number);

/** Why a request was refused. */
export async function refusalOf(answer: Promise<InferResult>): Promise<Refusal> {
  const refusal = await answer.then(
    () => undefined,
    (error: Refusal) => error,
  );
  if (refusal?.code !== 'REFUSED') throw refusal ?? new Error('it was answered');
  return refusal;
}

export async function reasonOf(answer: Promise<InferResult>): Promise<RefusalReason> {
  return (await refusalOf(answer)).reason;
}
