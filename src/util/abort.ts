/**
 * Waits for work, but no longer than until a signal aborts: then rejects with what it was aborted with, and the work goes
 * on unheard. Unlike `Promise.race` with a promise that outlives the work, which keeps whatever each work came to for as
 * long as that promise is pending, this leaves nothing behind (nodejs/node issue 17469).
 */
export function unlessAborted<T>(work: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    const settled = (): void => signal.removeEventListener('abort', onAbort);
    Promise.resolve(work).finally(settled).then(resolve, reject);
  });
}
