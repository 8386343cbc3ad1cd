import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Int32 } from 'apache-arrow';
import { expect, test } from 'vitest';
import { createClockPage, StateClock } from '../../src/clock/state-clock.js';
import { Collator } from '../../src/produce/collate.js';
import { Preparer } from '../../src/produce/prepare.js';
import { Transform, TransformFailure } from '../../src/produce/transform.js';
import { KEEP, type TransformContext } from '../../src/produce/transform-types.js';
import { workspace } from '../helpers/workspace.js';
import { batchOf, input, ringOf, tensor } from './ring.js';

const stop = new AbortController();
const CONTEXT: TransformContext = {
  producer: 0,
  signal: stop.signal,
  file: 'data.arrow',
  split: 0,
  columns: ['x'],
  keep: KEEP,
};

async function transformOf(module: string): Promise<Transform> {
  const path = workspace()('transform.mjs');
  writeFileSync(path, module);
  return Transform.load({ url: pathToFileURL(path).href, plain: new Map() }, CONTEXT);
}

const rows = (count: number) => batchOf({ x: [new Int32(), Array.from({ length: count }, (_, i) => i)] });

test('what a transform promised for one record batch is not kept for the next', async () => {
  const returned: WeakRef<object>[] = [];
  Object.assign(globalThis, { returned });
  const transform = await transformOf(`export default async (batch) => {
    const columns = { y: new Float64Array(batch.numRows) };
    globalThis.returned.push(new WeakRef(columns));
    return columns;
  };`);
  for (let i = 0; i < 20; i++) await transform.apply(rows(1000), CONTEXT);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(returned).toHaveLength(20);
  // The last one may still be on the stack.
  expect(returned.filter((columns) => columns.deref() !== undefined).length).toBeLessThanOrEqual(1);
});

test('a transform that fails once the bad rows are out is told with the rows that were read', async () => {
  const transform = await transformOf(`export default (batch) => {
    const x = batch.getChild('x').toArray();
    if (x.includes(0)) throw new Error('no zeros');
    if (x.length === 7) throw new Error('no seven');
    return { y: x };
  };`);
  const ring = ringOf(8, 1, [tensor('y', 'int32', [])]);
  const clock = new StateClock(createClockPage(1), 0);
  const preparer = new Preparer(new Collator(ring, [input(0, 'y', 'int32')]), clock, transform, []);
  const failure = await preparer.prepare(rows(8), new Map(), CONTEXT, 5).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(TransformFailure);
  expect(failure).toMatchObject({ message: expect.stringContaining('no seven'), from: 1, to: 8 });
});
