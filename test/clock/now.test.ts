import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { now } from '../../src/clock/now.js';

test('counts microseconds, and never backwards', () => {
  const started = process.hrtime.bigint();
  const from = now();
  let last = from;
  for (let i = 0; i < 10_000; i++) {
    const at = now();
    expect(at).toBeGreaterThanOrEqual(last);
    last = at;
  }
  const whole = Number(process.hrtime.bigint() - started) / 1000;
  expect(last - from).toBeGreaterThan(0);
  expect(last - from).toBeLessThanOrEqual(whole + 1);
});

test('is the same clock in every thread of the process', async () => {
  const before = now();
  const worker = new Worker(
    "const [s, ns] = process.hrtime(); require('node:worker_threads').parentPort.postMessage(s * 1e6 + ns / 1e3);",
    { eval: true },
  );
  const [there] = await once(worker, 'message');
  expect(there).toBeGreaterThan(before);
  expect(there).toBeLessThan(now());
});
