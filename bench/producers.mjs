// Do two producers collate nearly twice as fast as one, on two cores and where collating is what takes the time?
import { isMainThread, parentPort } from 'node:worker_threads';
import { inTemporaryFolder, writeVectors } from './support/arrow-file.mjs';
import { pass } from './support/pass.mjs';
import { ratios } from './support/stats.mjs';
import { Thread } from './support/threads.mjs';

const REPEATS = 5;
const WIDTH = 784;
const FILE = { dtype: 'uint8', width: WIDTH, rows: 40_960, recordBatchRows: 4096, copies: 24 };
const SIZES = [64, 512];
const INPUTS = { x: { column: 'x', dtype: 'float32', scale: 1 / 255 } };

/** What the machine's two cores do at best: the same arithmetic in threads that share nothing. Passes a second. */
function loop(milliseconds) {
  const source = new Uint8Array(4096 * WIDTH).map((_, i) => i % 251);
  const target = new Float32Array(64 * WIDTH);
  let passes = 0;
  const until = performance.now() + milliseconds;
  while (performance.now() < until) {
    for (let at = 0; at < source.length; at += target.length) convert(source, at, target, 1 / 255);
    passes++;
  }
  return passes;
}

function convert(source, at, target, factor) {
  for (let i = 0; i < target.length; i++) target[i] = source[at + i] * factor;
}

export async function measure() {
  return inTemporaryFolder(async (folder) => {
    await writeVectors(folder, FILE);
    const threads = [new Thread(import.meta.url), new Thread(import.meta.url)];
    const passes = async (count) => {
      const counts = await Promise.all(threads.slice(0, count).map((thread) => thread.ask(300)));
      return counts.reduce((a, b) => a + b);
    };
    const loader = async (producers, size) =>
      (await pass({ source: folder, inputs: INPUTS, producers, batch: { size } })).rowsPerSecond;
    const machine = { one: [], two: [] };
    const loaders = SIZES.map(() => ({ one: [], two: [] }));
    await passes(2);
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      machine.one.push(await passes(1));
      machine.two.push(await passes(2));
      for (const [i, size] of SIZES.entries()) {
        loaders[i].one.push(await loader(1, size));
        loaders[i].two.push(await loader(2, size));
      }
    }
    for (const thread of threads) await thread.end();
    return [
      ...SIZES.flatMap((size, i) => [
        {
          what: `two producers ÷ one, uint8 → float32 [${WIDTH}] with scale, batches of ${size}`,
          bar: { least: 1.6 },
          unit: '×',
          values: ratios(loaders[i].two, loaders[i].one),
        },
        { what: `  one producer, batches of ${size}`, unit: 'rows/s', values: loaders[i].one },
        { what: `  two producers, batches of ${size}`, unit: 'rows/s', values: loaders[i].two },
      ]),
      { what: '  two threads with plain loops ÷ one', unit: '×', values: ratios(machine.two, machine.one) },
    ];
  });
}

if (!isMainThread) parentPort.on('message', (milliseconds) => parentPort.postMessage(loop(milliseconds)));
