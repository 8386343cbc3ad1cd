import { describe, expect, test } from 'vitest';
import { allOver, inOrder } from '../../src/util/ahead.js';
import { random } from '../helpers/random.js';

const SEED = 7;

/** Work that is done when it is told so, by its item. */
function doors() {
  const open = new Map<number, () => void>();
  let most = 0;
  const work = async (item: number): Promise<number> => {
    await new Promise<void>((resolve) => {
      open.set(item, resolve);
      most = Math.max(most, open.size);
    });
    open.delete(item);
    return item * 10;
  };
  return { open, work, most: () => most };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('work on items side by side', () => {
  test(`yields in the order of the items, whatever is done first (seed ${SEED})`, async () => {
    const next = random(SEED);
    const { open, work, most } = doors();
    const items = Array.from({ length: 50 }, (_, i) => i);
    const results: number[] = [];
    const all = (async () => {
      for await (const result of inOrder(items, 7, work)) results.push(result);
    })();
    while (results.length < items.length) {
      await turn();
      const waiting = [...open.values()];
      waiting[Math.floor(next() * waiting.length)]?.();
    }
    await all;
    expect(results).toEqual(items.map((item) => item * 10));
    expect(most()).toBe(7);
  });

  test('ends with the first error by order, once nothing is under way', async () => {
    let underWay = 0;
    const fails = async (item: number): Promise<number> => {
      underWay++;
      for (let i = 0; i < 10 - item; i++) await turn();
      underWay--;
      if (item >= 3) throw new Error(`item ${item}`);
      return item;
    };
    const results: number[] = [];
    const all = (async () => {
      for await (const result of inOrder([0, 1, 2, 3, 4, 5, 6, 7, 8], 5, fails)) results.push(result);
    })();
    await expect(all).rejects.toThrow('item 3');
    expect(results).toEqual([0, 1, 2]);
    expect(underWay).toBe(0);
  });

  test('can be left: what is under way is awaited', async () => {
    let underWay = 0;
    const work = async (item: number): Promise<number> => {
      underWay++;
      for (let i = 0; i < item; i++) await turn();
      underWay--;
      return item;
    };
    for await (const result of inOrder([1, 2, 3, 4, 5], 3, work)) if (result === 2) break;
    expect(underWay).toBe(0);
  });

  test('of no items is over at once', async () => {
    for await (const _ of inOrder([], 3, async () => 1)) throw new Error('an item');
  });
});

describe('several works', () => {
  test('come to what each of them does, in their order', async () => {
    const later = turn().then(() => 1);
    expect(await allOver([later, Promise.resolve(2)])).toEqual([1, 2]);
  });

  test('end with the first error by their order, once none is under way', async () => {
    let isOver = false;
    const failing = turn().then(() => Promise.reject(new Error('the first')));
    const works = [
      failing,
      Promise.reject(new Error('the second')),
      turn()
        .then(turn)
        .then(() => (isOver = true)),
    ];
    await expect(allOver(works)).rejects.toThrow('the first');
    expect(isOver).toBe(true);
  });
});
