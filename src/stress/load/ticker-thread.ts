import { parentPort, workerData } from 'node:worker_threads';
import { now } from '../../clock/now.js';
import { type TickerData, TickWord } from './ticker.js';

const { words, startsAt, times } = workerData as TickerData;

parentPort?.postMessage('ready');
Atomics.wait(words, TickWord.go, 0);
const start = startsAt[0] as number;
for (const [i, time] of times.entries()) {
  const left = start + time - now();
  if (left > 0) Atomics.wait(words, TickWord.stop, 0, left / 1000);
  if (Atomics.load(words, TickWord.stop) !== 0) break;
  Atomics.store(words, TickWord.due, i + 1);
  Atomics.notify(words, TickWord.due);
}
