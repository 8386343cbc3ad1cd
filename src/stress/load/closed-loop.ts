import { setTimeout as sleep } from 'node:timers/promises';
import { now } from '../../clock/now.js';
import { Connections, type Outcome } from './connections.js';
import { prepareRequest } from './request.js';
import { Tally } from './tally.js';
import type { ClosedStream, LoadOrder, StreamResult } from './types.js';

/** A client that was refused looks again after this long. */
const RETRY_MS = 10;
const VARIANTS = 16;

/**
 * Clients that send their next request when the one before is answered: what a server does with as much as it can take, and a
 * batch client that works through its rows. They stop when the time is over, or `signal` is aborted.
 */
export async function playClosedLoop(
  stream: ClosedStream,
  order: LoadOrder,
  signal: AbortSignal,
): Promise<StreamResult> {
  const { origin, headers, seconds, intervals } = order;
  const connections = new Connections(origin, stream.clients);
  const { name, deadlineMs, request, rows, seed, clients } = stream;
  const tally = new Tally({ name, deadlineMs, seconds, intervals });
  const requests = Array.from({ length: VARIANTS }, (_, i) =>
    prepareRequest(request, rows, seed + i, headers),
  );
  const startedAt = now();
  const end = startedAt + seconds * 1e6;
  const client = async (first: number): Promise<void> => {
    for (let i = first; !signal.aborted; i++) {
      if (stream.fetches !== undefined) await get(stream.fetches, signal);
      const sentAt = now();
      if (sentAt >= end || signal.aborted) return;
      const chosen = requests[i % VARIANTS] as (typeof requests)[number];
      const outcome = await new Promise<Outcome>((settle) => connections.send(chosen, settle));
      // What is answered when the time is over has not been done in it.
      const at = now();
      if (at > end) return;
      tally.settle(outcome, sentAt - startedAt, at - startedAt, rows);
      if (outcome !== 200) await sleep(RETRY_MS);
    }
  };
  const over = new AbortController();
  const clientsDone = Promise.all(Array.from({ length: clients }, (_, i) => client(i)));
  const timeUp = sleep(seconds * 1000 + order.drainMs, undefined, {
    signal: AbortSignal.any([signal, over.signal]),
  }).catch(() => {});
  await Promise.race([clientsDone, timeUp]);
  over.abort();
  await connections.destroy();
  await clientsDone;
  return tally.result();
}

/** Gets an object, as a client does that reads what it is going to ask about. */
async function get(url: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, { signal }).catch(() => undefined);
  await response?.arrayBuffer().catch(() => {});
}
