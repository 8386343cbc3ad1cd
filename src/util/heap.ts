/** Whether `a` comes out before `b`. */
export type Before<T> = (a: T, b: T) => boolean;

/** Puts an item into a binary heap, whose first is at 0. */
export function push<T>(heap: T[], item: T, isBefore: Before<T>): void {
  let at = heap.push(item) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(item, heap[parent] as T)) break;
    heap[at] = heap[parent] as T;
    at = parent;
  }
  heap[at] = item;
}

/** Keeps those for which `keeps` holds only. */
export function retain<T>(heap: T[], keeps: (item: T) => boolean, isBefore: Before<T>): void {
  const kept = heap.filter(keeps);
  heap.length = 0;
  for (const item of kept) push(heap, item, isBefore);
}

/** Takes the first out. */
export function pop<T>(heap: T[], isBefore: Before<T>): T | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1] as T, heap[child] as T)) child++;
    if (!isBefore(heap[child] as T, last)) break;
    heap[at] = heap[child] as T;
    at = child;
  }
  heap[at] = last;
  return first;
}
