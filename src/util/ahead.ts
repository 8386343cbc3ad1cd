/**
 * Does `work` on items, up to `most` at a time, and yields the results in the order of the items. The first error by that
 * order ends it, as the caller may at any time: once no work is under way.
 */
export async function* inOrder<T, R>(
  items: Iterable<T>,
  most: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void> {
  const line: Promise<R>[] = [];
  const iterator = items[Symbol.iterator]();
  const start = (): boolean => {
    const item = iterator.next();
    if (item.done) return false;
    line.push(awaitedLater(work(item.value)));
    return true;
  };
  try {
    do {
      while (line.length < most && start());
      const next = line[0];
      if (next === undefined) return;
      const result = await next;
      line.shift();
      yield result;
    } while (true);
  } finally {
    await Promise.allSettled(line);
  }
}

/** What all of these come to, once every one is over, however it ends; or the first error by their order. */
export async function allOver<T>(works: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(works);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

/** The same promise, whose turn comes later: should it fail before, that is no unhandled rejection. */
export function awaitedLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
