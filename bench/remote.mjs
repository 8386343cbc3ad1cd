// Does a loader hide the latency of remote storage, which a loop that reads object by object pays in full?
import { readFileSync } from 'node:fs';
import { inTemporaryFolder, writeVectors } from './support/arrow-file.mjs';
import { withObjects } from './support/objects.mjs';
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
async function load(source, producers) {
  const startedAt = performance.now();
  await pass({ source, producers });
  return (OBJECTS / (performance.now() - startedAt)) * 1000;
}

export async function measure() {
  const bytes = await inTemporaryFolder(async (folder) => {
    const [path] = await writeVectors(folder, FILE);
    return readFileSync(path);
  });
  return withObjects({ bytes, objects: OBJECTS, latencyMs: LATENCY_MS }, (server) => compare(bytes, server));
}

async function compare(bytes, { endpoint, source }) {
  const inTurn = [];
  const loaded = CASES.map(() => []);
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    inTurn.push(await readInTurn(endpoint));
    for (const [i, { producers }] of CASES.entries()) loaded[i].push(await load(source, producers));
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
}
