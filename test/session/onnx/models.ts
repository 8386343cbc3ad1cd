import { writeFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { load } from '../../../src/session/onnx/load.js';
import type { Session, SessionSpec, TensorView } from '../../../src/session/types.js';
import { bytesOf, type DType, sizeOf, viewOf } from '../../../src/util/dtype.js';
import { sessionSpec } from '../spec.js';

/** Writes a model and loads it on the CPU. */
export function sessionOf(
  path: string,
  model: Uint8Array,
  options: SessionSpec['options'] = {},
): Promise<Session> {
  writeFileSync(path, model);
  return open(path, options);
}

export const specOf = (uri: string, options: SessionSpec['options'] = {}): SessionSpec =>
  sessionSpec({ uri, options });

export async function open(uri: string, options: SessionSpec['options'] = {}): Promise<Session> {
  const session = await load(specOf(uri, options));
  onTestFinished(() => session.close());
  return session;
}

/** A view in shared memory, with values in it where some are given. */
export function view(
  name: string,
  dtype: DType,
  dims: readonly number[],
  values: readonly (number | bigint)[] = [],
): TensorView {
  const memory = new SharedArrayBuffer(sizeOf(dims) * bytesOf(dtype));
  const data = viewOf(dtype, memory, 0, sizeOf(dims));
  values.forEach((value, i) => {
    data[i] = value as never;
  });
  return { name, dtype, dims, data };
}

/** What a session gives for an output of a shape. */
export async function outputOf(
  session: Session,
  inputs: readonly TensorView[],
  output: TensorView,
): Promise<(number | bigint)[]> {
  await session.run(inputs, [output]);
  return Array.from(output.data as Iterable<number | bigint>);
}

/** The error that a promise rejects with. */
export const failureOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('nothing was thrown'),
    (error: Error) => error,
  );
