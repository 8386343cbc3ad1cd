// How long after a commit does a sleeping consumer hold the batch, against a bare Atomics.notify → Atomics.wait?
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { now } from '../dist/clock/now.js';
import { ConsumerSide } from '../dist/ring/consumer-side.js';
import { planSlotLayout } from '../dist/ring/layout.js';
import { ProducerSide } from '../dist/ring/producer-side.js';
import { consumerOwner, createRingMemory, laneOwner, Ring } from '../dist/ring/ring.js';
import { SinkSide } from '../dist/ring/sink-side.js';
import { quantile, ratios } from './support/stats.mjs';
import { Thread } from './support/threads.mjs';

/*
 * Both kinds of wake-up go between the same two threads, in blocks by turns. Before each one the waking thread sleeps
 * (no core is kept busy), so that the other is asleep too; wake-ups of one that was not are left out.
 */
const REPEATS = 12;
const BLOCKS = 10;
const BLOCK = 100;
const PAUSE_MS = 0.3;
const WARM_UP = 200;
const SAMPLES = 2 * (WARM_UP + REPEATS * BLOCKS * BLOCK);

/** Words that the two threads share beside the ring. */
const Word = { BELL: 0, ANSWERED: 16, NEVER: 32 };

/** The order of samples: `ring(sample)` or `bare(sample)` for each. */
function play(ring, bare) {
  let sample = 0;
  const block = (count) => {
    for (let i = 0; i < count; i++) ring(sample++);
    for (let i = 0; i < count; i++) bare(sample++);
  };
  block(WARM_UP);
  for (let i = 0; i < REPEATS * BLOCKS; i++) block(BLOCK);
}

const roles = {
  waker({ memory, words, stamps }) {
    const ring = new Ring(memory, laneOwner(0));
    const side = new ProducerSide(ring, 0);
    const values = ring.regionView(0, ring.layout.inputs[0]);
    const onBlocked = () => {};
    const pause = (sample) => {
      do Atomics.wait(words, Word.NEVER, 0, PAUSE_MS);
      while (Atomics.load(words, Word.ANSWERED) < sample);
    };
    play(
      (sample) => {
        pause(sample);
        const claim = side.claim(0, sample, 1, 0, onBlocked);
        values[claim.first] = sample;
        stamps[sample] = now();
        side.commit();
      },
      (sample) => {
        pause(sample);
        stamps[sample] = now();
        Atomics.store(words, Word.BELL, sample);
        Atomics.notify(words, Word.BELL);
      },
    );
  },

  sleeper({ memory, words, stamps }) {
    const ring = new Ring(memory, consumerOwner(1, 0));
    const side = new ConsumerSide(ring);
    const sink = new SinkSide(ring);
    const latencies = new Float64Array(SAMPLES);
    let slept = false;
    const onIdle = () => {
      slept = true;
    };
    const answer = (sample, at) => {
      latencies[sample] = slept ? at - stamps[sample] : Number.NaN;
      slept = false;
      Atomics.store(words, Word.ANSWERED, sample + 1);
    };
    play(
      (sample) => {
        const slot = side.next(onIdle);
        const at = now();
        side.finish(slot);
        sink.release(sink.take());
        sink.pause();
        answer(sample, at);
      },
      (sample) => {
        while (Atomics.load(words, Word.BELL) !== sample) {
          slept = Atomics.wait(words, Word.BELL, Atomics.load(words, Word.BELL)) === 'ok';
        }
        answer(sample, now());
      },
    );
    return latencies;
  },
};

export async function measure() {
  const layout = planSlotLayout(
    [{ length: 1, capacity: 1 }],
    [{ name: 'x', dtype: 'float32', rowDims: [1] }],
    [],
  );
  const config = {
    slots: 8,
    lanes: 1,
    splits: 1,
    maxDelayMicros: Number.POSITIVE_INFINITY,
    fixedOrder: false,
  };
  const shared = {
    memory: createRingMemory(layout, config),
    words: new Int32Array(new SharedArrayBuffer(256)),
    stamps: new Float64Array(new SharedArrayBuffer(SAMPLES * 8)),
  };
  const threads = [new Thread(import.meta.url, 'sleeper'), new Thread(import.meta.url, 'waker')];
  const [latencies] = await Promise.all(threads.map((thread) => thread.ask(shared)));
  for (const thread of threads) await thread.end();

  const asleep = latencies.filter((latency) => !Number.isNaN(latency)).length;
  if (asleep < 0.95 * SAMPLES)
    throw new Error(`the consumer slept before ${asleep} of ${SAMPLES} wake-ups only`);
  const kinds = { ring: [], bare: [] };
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const samples = { ring: [], bare: [] };
    for (let block = 0; block < BLOCKS; block++) {
      const start = 2 * (WARM_UP + (repeat * BLOCKS + block) * BLOCK);
      samples.ring.push(...latencies.subarray(start, start + BLOCK));
      samples.bare.push(...latencies.subarray(start + BLOCK, start + 2 * BLOCK));
    }
    for (const kind of ['ring', 'bare']) {
      kinds[kind].push(samples[kind].filter((latency) => !Number.isNaN(latency)));
    }
  }
  const at = (kind, q) => kinds[kind].map((samples) => quantile(samples, q));
  const row = (q, most) => [
    {
      what: `commit → batch held ÷ notify → wait returns, p${q * 100}`,
      bar: { most },
      unit: '×',
      values: ratios(at('ring', q), at('bare', q)),
    },
    { what: `  commit → batch held, p${q * 100}`, unit: 'µs', values: at('ring', q) },
    { what: `  notify → wait returns, p${q * 100}`, unit: 'µs', values: at('bare', q) },
  ];
  return [...row(0.5, 2), ...row(0.99, 3)];
}

if (!isMainThread)
  parentPort.on('message', (message) => parentPort.postMessage(roles[workerData.role](message)));
