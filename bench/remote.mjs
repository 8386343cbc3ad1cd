// Does a loader hide the latency of remote storage, which a loop that reads object by object pays in full?
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { inTemporaryFolder, writeVectors } from './support/arrow-file.mjs';
import { pass } from './support/pass.mjs';
import { ratios } from './support/stats.mjs';

const REPEATS = 3;
const LATENCY_MS = 50;
const OBJECTS = 1024;
/** Objects that are read one after another, to know the pace of that: all would take a minute. */
const IN_TURN = 100;
/** One object: 63 rows of float32[256] and what Arrow IPC adds, 64 KiB together. */
const FILE = { dtype: 'float32', width: 256, rows: 63, recordBatchRows: 63, copies: 1 };
const CASES = [
  { producers: 1, bar: { least: 10 } },
  { producers: 2, bar: { least: 10 } },
];

/** Serves the object under many names, with latency, from a thread of its own. Returns its URL and how to stop it. */
async function serve(bytes) {
  const worker = new Worker(new URL('./support/serve-objects.mjs', import.meta.url), {
    workerData: { bytes, objects: OBJECTS, latencyMs: LATENCY_MS },
  });
  const endpoint = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return { endpoint, stop: () => worker.terminate() };
}

/** Reads objects one after another; objects a second. */
async function readInTurn(endpoint) {
  const startedAt = performance.now();
  for (let i = 0; i < IN_TURN; i++) {
    const response = await fetch(`${endpoint}/data/${String(i).padStart(5, '0')}.arrow`);
    await response.arrayBuffer();
  }
  return (IN_TURN / (performance.now() - startedAt)) * 1000;
}

/** A whole pass, from createLoader to the last batch; objects a second. */
async function load(endpoint, producers) {
  const storage = { endpoint, allow_anonymous: true };
  const startedAt = performance.now();
  await pass({ source: { uri: 's3://data', storage }, producers });
  return (OBJECTS / (performance.now() - startedAt)) * 1000;
}

export async function measure() {
  const bytes = await inTemporaryFolder(async (folder) => {
    const [path] = await writeVectors(folder, FILE);
    return readFileSync(path);
  });
  const { endpoint, stop } = await serve(bytes);
  try {
    const inTurn = [];
    const loaded = CASES.map(() => []);
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      inTurn.push(await readInTurn(endpoint));
      for (const [i, { producers }] of CASES.entries()) loaded[i].push(await load(endpoint, producers));
    }
    const megabytes = (rates) => rates.map((rate) => (rate * bytes.byteLength) / 1e6);
    const what = `${OBJECTS} objects of ${Math.round(bytes.byteLength / 1024)} KiB, ${LATENCY_MS} ms a request`;
    return [
      ...CASES.flatMap(({ producers, bar }, i) => {
        const said = `${producers} producer${producers > 1 ? 's' : ''}`;
        return [
          {
            what: `loader ÷ object by object, ${said}, ${what}`,
            bar,
            unit: '×',
            values: ratios(loaded[i], inTurn),
          },
          {
            what: `  loader, ${said}, opening and starting included`,
            unit: 'MB/s',
            values: megabytes(loaded[i]),
          },
        ];
      }),
      { what: '  object by object', unit: 'MB/s', values: megabytes(inTurn) },
    ];
  } finally {
    await stop();
  }
}
