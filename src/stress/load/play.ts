import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { playClosedLoop } from './closed-loop.js';
import { playOpenLoop } from './open-loop.js';
import type { LoadOrder, LoadResult } from './types.js';

/** Plays an order, open and closed streams at the same time. Ends early, with what there is, once `signal` is aborted. */
export async function play(order: LoadOrder, signal: AbortSignal): Promise<LoadResult> {
  const before = performance.eventLoopUtilization();
  // What is waited for at the end is no work.
  let load: EventLoopUtilization | undefined;
  const over = setTimeout(() => {
    load = performance.eventLoopUtilization(before);
  }, order.seconds * 1000);
  const [open, ...closed] = await Promise.all([
    playOpenLoop(order, signal),
    ...order.closed.map((stream) => playClosedLoop(stream, order, signal)),
  ]);
  clearTimeout(over);
  const { utilization } = load ?? performance.eventLoopUtilization(before);
  return { open: open.streams, closed, generator: { ...open.generator, utilization } };
}
