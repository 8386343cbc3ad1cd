import { TINY_INPUT, tinyExpected, tinyModel } from './tiny-model.js';

/** Runs after the first, of which the fastest counts. */
const RUNS = 5;

export type ProviderAnswer =
  | { readonly kind: 'unbuilt' }
  | { readonly kind: 'ran'; readonly startMs: number; readonly runMs: number }
  | { readonly kind: 'wrong'; readonly results: readonly number[]; readonly expected: readonly number[] };

/**
 * Runs a tiny model on a provider of ONNX Runtime, and on nothing else: onnxruntime takes the CPU without a word where
 * a provider does not start or has no kernel, unless it is forbidden to.
 */
export async function tryProvider(name: string): Promise<ProviderAnswer> {
  const { InferenceSession, Tensor, listSupportedBackends } = await import('onnxruntime-node');
  if (!listSupportedBackends().some((backend) => backend.name === name)) return { kind: 'unbuilt' };
  const startedAt = performance.now();
  const session = await InferenceSession.create(tinyModel(), {
    executionProviders: [name],
    ...(name === 'cpu' ? {} : { extra: { session: { disable_cpu_ep_fallback: '1' } } }),
  });
  const startMs = performance.now() - startedAt;
  const expected = tinyExpected();
  let runMs = Number.POSITIVE_INFINITY;
  for (let run = 0; run <= RUNS; run++) {
    const before = performance.now();
    const { y } = await session.run({
      [TINY_INPUT.name]: new Tensor('float32', TINY_INPUT.data, TINY_INPUT.dims),
    });
    if (run > 0) runMs = Math.min(runMs, performance.now() - before);
    const results = Array.from((y?.data ?? []) as Float32Array);
    if (!expected.every((value, i) => results[i] === value)) return { kind: 'wrong', results, expected };
  }
  await session.release();
  return { kind: 'ran', startMs, runMs };
}
