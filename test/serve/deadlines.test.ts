import { expect, onTestFinished, test } from 'vitest';
import { now } from '../../src/clock/now.js';
import { Deadlines } from '../../src/serve/deadlines.js';
import { alive } from '../helpers/garbage.js';

interface Item {
  readonly deadline: number;
  isOver: boolean;
}

function deadlines(): { readonly deadlines: Deadlines<Item>; readonly passed: Item[] } {
  const passed: Item[] = [];
  const made = new Deadlines<Item>((item) => passed.push(item));
  onTestFinished(() => made.stop());
  return { deadlines: made, passed };
}

const inMillis = (millis: number): Item => ({ deadline: now() + millis * 1000, isOver: false });

test('deadlines are told in their order once they have passed, but for those of what is over', async () => {
  const passed: number[] = [];
  const items = [30, 10, 40, 20].map(inMillis);
  await new Promise<void>((resolve) => {
    const made = new Deadlines<Item>((item) => {
      passed.push(items.indexOf(item));
      expect(item.deadline).toBeLessThanOrEqual(now());
      if (passed.length === 3) resolve();
    });
    onTestFinished(() => made.stop());
    for (const item of items) made.add(item);
    (items[3] as Item).isOver = true;
  });
  expect(passed).toEqual([1, 0, 2]);
});

test('what is over is not held until its deadline comes', async () => {
  const { deadlines: made } = deadlines();
  const refs = Array.from({ length: 1000 }, () => {
    const item = inMillis(3_600_000);
    made.add(item);
    item.isOver = true;
    return new WeakRef(item);
  });
  expect(await alive(refs)).toBeLessThan(100);
});

test('what is not over keeps its deadline, however much beside it is over', async () => {
  const { deadlines: made, passed } = deadlines();
  const kept = inMillis(50);
  made.add(kept);
  for (let i = 0; i < 1000; i++) {
    const item = inMillis(i % 2 === 0 ? 25 : 100);
    made.add(item);
    item.isOver = true;
  }
  await expect.poll(() => passed, { timeout: 10_000 }).toEqual([kept]);
});
