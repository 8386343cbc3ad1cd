import { describe, expect, test } from 'vitest';
import { type Queued, RequestQueue } from '../../src/serve/request-queue.js';
import { alive } from '../helpers/garbage.js';

interface Item extends Queued {
  readonly name: string;
  waitingRows: number;
  isOver: boolean;
}

const item = (name: string, changes: Partial<Item> = {}): Item => ({
  name,
  endpoint: 0,
  priority: 1,
  weight: 1,
  deadline: Number.POSITIVE_INFINITY,
  waitingRows: 1,
  rowBytes: 10,
  isOver: false,
  ...changes,
});

function queueOf(...items: readonly Item[]): RequestQueue<Item> {
  const queue = new RequestQueue<Item>(4);
  for (const one of items) queue.add(one);
  return queue;
}

/** Takes all of the next `count` requests; their names. */
function takeAll(queue: RequestQueue<Item>, count = Number.POSITIVE_INFINITY): string[] {
  const names: string[] = [];
  for (let next = queue.next(); next !== undefined && names.length < count; next = queue.next()) {
    queue.took(next, next.waitingRows, true);
    next.waitingRows = 0;
    names.push(next.name);
  }
  return names;
}

describe('the queue in front of a model', () => {
  test('is in the order of arrival, where all are alike', () => {
    expect(takeAll(queueOf(item('a'), item('b'), item('c')))).toEqual(['a', 'b', 'c']);
  });

  test('has the first class first, and in it the earliest deadline', () => {
    const queue = queueOf(
      item('late', { priority: 2, deadline: 1 }),
      item('third'),
      item('second', { deadline: 20 }),
      item('first', { deadline: 10 }),
    );
    expect(takeAll(queue)).toEqual(['first', 'second', 'third', 'late']);
  });

  test('shares rows out among the endpoints of a class by weight', () => {
    const of = (endpoint: number, weight: number, waitingRows: number): Item[] =>
      Array.from({ length: 300 }, () => item(`${endpoint}`, { endpoint, weight, waitingRows }));
    const names = takeAll(queueOf(...of(0, 1, 1), ...of(1, 3, 1), ...of(2, 2, 2)), 200);
    const rows = (name: string, each: number): number => names.filter((one) => one === name).length * each;
    const [a, b, c] = [rows('0', 1), rows('1', 1), rows('2', 2)];
    expect(Math.abs(b - 3 * a)).toBeLessThanOrEqual(3);
    expect(Math.abs(c - 2 * a)).toBeLessThanOrEqual(3);
  });

  test('lets no class starve: what is owed many batches by its weight comes first', () => {
    const of = (name: string, priority: number): Item[] =>
      Array.from({ length: 1000 }, () => item(name, { endpoint: priority, priority }));
    const names = takeAll(queueOf(...of('urgent', 1), ...of('bulk', 2)), 1000);
    expect(names.slice(0, 120)).not.toContain('bulk');
    const bulk = names.slice(200).filter((name) => name === 'bulk').length;
    expect(bulk).toBeGreaterThan(350);
    expect(bulk).toBeLessThan(450);
  });

  test('counts rows and bytes, of requests that are taken in parts too, and of what is over no more', () => {
    const large = item('large', { waitingRows: 10 });
    const gone = item('gone', { endpoint: 1, waitingRows: 5 });
    const queue = queueOf(large, gone);
    expect([queue.rows, queue.bytes, queue.rowsOf(1)]).toEqual([15, 150, 5]);
    queue.took(large, 4, false);
    large.waitingRows -= 4;
    expect([queue.rows, queue.bytes]).toEqual([11, 110]);
    queue.remove(gone);
    gone.isOver = true;
    expect([queue.rows, queue.rowsOf(1)]).toEqual([6, 0]);
    expect(takeAll(queue)).toEqual(['large']);
    expect([queue.rows, queue.bytes]).toEqual([0, 0]);
    queue.add(item('next', { endpoint: 1 }));
    expect(takeAll(queue)).toEqual(['next']);
  });

  test('holds no more of what is over than there waits, and a few', async () => {
    const queue = queueOf(item('first', { deadline: 1 }), item('last'));
    const refs = Array.from({ length: 1000 }, (_, i) => {
      const gone = item('gone', { deadline: 2 + i });
      queue.add(gone);
      queue.remove(gone);
      gone.isOver = true;
      return new WeakRef(gone);
    });
    expect(await alive(refs)).toBeLessThan(100);
    expect(takeAll(queue)).toEqual(['first', 'last']);
  });

  test('holds nothing of what is over where nothing waits', async () => {
    const queue = queueOf();
    const refs = Array.from({ length: 20 }, () => {
      const gone = item('gone');
      queue.add(gone);
      queue.remove(gone);
      gone.isOver = true;
      return new WeakRef(gone);
    });
    expect(await alive(refs)).toBe(0);
  });

  test('tells how many rows go before those of a newcomer', () => {
    const queue = queueOf(
      item('a', { deadline: 10, waitingRows: 3 }),
      item('b', { deadline: 20, waitingRows: 5 }),
      item('other', { endpoint: 1, weight: 2, waitingRows: 100 }),
      item('urgent', { endpoint: 2, priority: 0, waitingRows: 7 }),
      item('bulk', { endpoint: 3, priority: 9, waitingRows: 1000 }),
    );
    // Of its own stream what has no later deadline; of another in its class twice as much as of its own, itself included.
    expect(queue.rowsBefore(item('new', { deadline: 15, waitingRows: 1 }))).toBe(7 + 3 + 2 * 4);
    expect(queue.rowsBefore(item('new', { deadline: 25, waitingRows: 1 }))).toBe(7 + 8 + 2 * 9);
    expect(queue.rowsBefore(item('new', { endpoint: 2, priority: 0 }))).toBe(7);
  });
});
