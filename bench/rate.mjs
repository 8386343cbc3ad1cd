// How many batches and rows a second go from producers through the ring to a consumer and back, if rows are tiny?
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { now } from '../dist/clock/now.js';
import { ConsumerSide } from '../dist/ring/consumer-side.js';
import { ControlSide } from '../dist/ring/control-side.js';
import { planSlotLayout } from '../dist/ring/layout.js';
import { ProducerSide } from '../dist/ring/producer-side.js';
import { SlotWord } from '../dist/ring/protocol.js';
import { consumerOwner, createRingMemory, laneOwner, MAIN_OWNER, Ring } from '../dist/ring/ring.js';
import { SinkSide } from '../dist/ring/sink-side.js';
import { Thread } from './support/threads.mjs';

const REPEATS = 5;
const PRODUCERS = [1, 2, 4];
const BATCH_ROWS = 64;
const WIDTH = 4;
const SLOTS = 8;

/** How many rows a producer claims at a time, and how many go through the ring in one measurement. */
const RUNS = [
  { claim: BATCH_ROWS, rows: 64 * 60_000, said: 'a batch is one claim' },
  { claim: 1, rows: 64 * 6_000, said: 'a claim a row' },
];

const roles = {
  producer({ memory, lane, rows, claim: want }) {
    const ring = new Ring(memory, laneOwner(lane));
    const side = new ProducerSide(ring, lane);
    const [region] = ring.layout.inputs;
    const targets = Array.from({ length: SLOTS }, (_, slot) => ring.regionView(slot, region));
    const onBlocked = () => {};
    for (let row = 0; row < rows; ) {
      const claim = side.claim(lane, row, Math.min(want, rows - row), 0, onBlocked);
      const target = targets[claim.slot];
      const end = (claim.first + claim.count) * WIDTH;
      for (let i = claim.first * WIDTH; i < end; i++) target[i] = row;
      side.commit();
      row += claim.count;
    }
  },

  /** Rows and batches a second, after a tenth of the rows in which threads start and code becomes warm. */
  consumer({ memory, lanes, rows }) {
    const ring = new Ring(memory, consumerOwner(lanes, 0));
    const side = new ConsumerSide(ring);
    const sink = new SinkSide(ring);
    const onIdle = () => sink.pause();
    let startedAt = 0;
    let batches = 0;
    let taken = 0;
    let before = 0;
    for (;;) {
      const slot = side.next(onIdle);
      if (slot < 0) break;
      taken += ring.slotWord(slot, SlotWord.CLAIMED);
      batches++;
      side.finish(slot);
      sink.release(sink.take());
      if (startedAt === 0 && taken > rows / 10) {
        startedAt = now();
        before = taken;
        batches = 0;
      }
    }
    const seconds = (now() - startedAt) / 1e6;
    if (taken !== rows) throw new Error(`${taken} of ${rows} rows arrived`);
    return { rows: (taken - before) / seconds, batches: batches / seconds };
  },
};

async function round(consumer, producers, { claim, rows }) {
  const lanes = producers.length;
  const layout = planSlotLayout(
    [{ length: 1, capacity: BATCH_ROWS }],
    [{ name: 'x', dtype: 'float32', rowDims: [WIDTH] }],
    [],
  );
  const config = {
    slots: SLOTS,
    lanes,
    splits: lanes,
    maxDelayMicros: Number.POSITIVE_INFINITY,
    fixedOrder: false,
  };
  const memory = createRingMemory(layout, config);
  const consumed = consumer.ask({ memory, lanes, rows });
  await Promise.all(producers.map((thread, lane) => thread.ask({ memory, lane, rows: rows / lanes, claim })));
  await new ControlSide(new Ring(memory, MAIN_OWNER)).end();
  return consumed;
}

export async function measure() {
  const consumer = new Thread(import.meta.url, 'consumer');
  const producers = Array.from(
    { length: Math.max(...PRODUCERS) },
    () => new Thread(import.meta.url, 'producer'),
  );
  const cases = RUNS.flatMap((run) => PRODUCERS.map((count) => ({ run, count, results: [] })));
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const { run, count, results } of cases)
      results.push(await round(consumer, producers.slice(0, count), run));
  }
  for (const thread of [consumer, ...producers]) await thread.end();
  return cases.flatMap(({ run, count, results }) => {
    const what = `${count} producer${count > 1 ? 's' : ''}, ${run.said}`;
    return [
      {
        what: `${what}: batches of ${BATCH_ROWS}`,
        unit: '/s',
        values: results.map(({ batches }) => batches),
      },
      { what: `${what}: rows`, unit: '/s', values: results.map(({ rows }) => rows) },
    ];
  });
}

if (!isMainThread)
  parentPort.on('message', (message) => parentPort.postMessage(roles[workerData.role](message)));
