import { setTimeout as sleep } from 'node:timers/promises';

/** How often, and for how long, what can pass is tried again. */
export interface RetryPolicy {
  /** Tries after the first. */
  readonly retries: number;
  /** The most that the first wait takes, milliseconds; it doubles with each further one. */
  readonly baseMs: number;
  /** The most that any wait takes. */
  readonly capMs: number;
  /** No try begins later than this after the first. */
  readonly totalMs: number;
}

export const RETRY_POLICY: RetryPolicy = { retries: 6, baseMs: 100, capMs: 5000, totalMs: 60_000 };

/**
 * The wait before try `attempt` (the first is 0), milliseconds: exponential with full jitter, so that many who failed
 * together do not come back together. Source: Marc Brooker, «Exponential Backoff And Jitter», AWS, 2015.
 *
 * @param random from 0 to 1
 */
export function delayBefore(attempt: number, { baseMs, capMs }: RetryPolicy, random: number): number {
  return random * Math.min(capMs, baseMs * 2 ** (attempt - 1));
}

/** Whether try `attempt` may begin `elapsedMs` after the first did. */
export function mayTry(attempt: number, elapsedMs: number, { retries, totalMs }: RetryPolicy): boolean {
  return attempt <= retries && elapsedMs <= totalMs;
}

/** What came of trying in vain. */
export interface Exhausted {
  readonly attempts: number;
  readonly elapsedMs: number;
}

export interface Retrying {
  readonly policy: RetryPolicy;
  /** Whether another try may go better. */
  readonly canPass: (error: unknown) => boolean;
  /** The error to give up with. */
  readonly giveUp: (error: unknown, exhausted: Exhausted) => Error;
  /** Ends the waiting between tries. */
  readonly signal?: AbortSignal | undefined;
}

/** Tries until it goes well, can't, or has been tried enough. */
export async function retrying<T>(
  attempt: () => Promise<T>,
  { policy, canPass, giveUp, signal }: Retrying,
): Promise<T> {
  const startedAt = performance.now();
  for (let attempts = 1; ; attempts++) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      const delay = delayBefore(attempts, policy, Math.random());
      const elapsedMs = performance.now() - startedAt;
      if (!canPass(error) || !mayTry(attempts, elapsedMs + delay, policy))
        throw giveUp(error, { attempts, elapsedMs });
      // An abort is looked at when the next try begins.
      await sleep(delay, undefined, { signal }).catch(() => {});
    }
  }
}
