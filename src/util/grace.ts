import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for work to settle, but for no longer than `ms` (which may be Infinity). Rejects where it does in that time. */
export async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  if (ms === Number.POSITIVE_INFINITY) {
    await work;
    return;
  }
  const enough = new AbortController();
  const over = sleep(ms, undefined, { signal: enough.signal }).catch(() => {});
  await Promise.race([work, over]).finally(() => enough.abort());
}
