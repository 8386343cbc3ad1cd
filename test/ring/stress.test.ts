import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { ControlSide, type UnfinishedSplit } from '../../src/ring/control-side.js';
import { type Bucket, planSlotLayout } from '../../src/ring/layout.js';
import { SlotState } from '../../src/ring/protocol.js';
import { consumerOwner, createRingMemory, MAIN_OWNER, Ring, type RingMemory } from '../../src/ring/ring.js';
import { random } from '../helpers/random.js';

// The whole protocol with real threads, seeded: the seed is in the name of the test. PENSTOCK_STRESS=N runs N times as many.
const MORE = Number(process.env.PENSTOCK_STRESS ?? 1);

interface Scenario {
  readonly seed: number;
  readonly slots: number;
  readonly capacities: readonly number[];
  readonly maxDelayMicros: number;
  readonly fixedOrder: boolean;
  readonly lanes: number;
  readonly consumers: number;
  readonly splits: number;
  readonly rows: number;
  /** Share of producers that are told to die. */
  readonly deaths: number;
  /** Whether another consumer joins them in the middle, and is sent away again. */
  readonly another: boolean;
}

function scenarioOf(seed: number): Scenario {
  const next = random(seed);
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(next() * choices.length)] as T;
  const capacities = pick([4], [1], [16], [4, 8], [2, 3, 5]);
  const fixedOrder = next() < 0.35;
  return {
    seed,
    slots: Math.max(pick(2, 3, 4, 8), fixedOrder ? capacities.length + 1 : 2),
    capacities,
    maxDelayMicros: fixedOrder ? Number.POSITIVE_INFINITY : pick(Number.POSITIVE_INFINITY, 0, 500),
    fixedOrder,
    lanes: pick(1, 2, 3),
    consumers: pick(1, 1, 2),
    splits: 8,
    rows: 400,
    deaths: pick(0, 0.5, 0.8),
    another: next() < 0.5,
  };
}

/** Runs a lane in one thread after another until one of them finds no split left; returns how many died. */
async function produce(
  memory: RingMemory,
  control: ControlSide,
  lane: number,
  { rows, deaths }: Scenario,
  next: () => number,
): Promise<number> {
  let unfinished: readonly UnfinishedSplit[] = [];
  for (let died = 0; ; died++) {
    const mayDie = died < 12 && next() < deaths;
    const how = next();
    const worker = new Worker(new URL('./fixtures/producer.mjs', import.meta.url), {
      workerData: {
        memory,
        lane,
        unfinished,
        rows,
        seed: Math.floor(next() * 2 ** 31),
        dieAtWrite: mayDie && how < 0.5 ? 1 + Math.floor(next() * 1500) : 0,
        dieAtStep: mayDie && how >= 0.5 && how < 0.8 ? 1 + Math.floor(next() * 600) : 0,
      },
    });
    let produced = false;
    worker.on('message', (message: { produced?: boolean; failed?: string }) => {
      if (message.failed !== undefined) throw new Error(message.failed);
      produced = message.produced === true;
    });
    // Killed from outside, at whatever it is doing: as soon as it has committed a random number of rows.
    if (mayDie && how >= 0.8) void worker.terminate();
    await once(worker, 'exit');
    if (produced) return died;
    unfinished = await control.recover(lane);
    if (died > 50) throw new Error('no producer gets through');
  }
}

interface Consumed {
  readonly batches: number;
  readonly faults: string[];
}

/** Consumers that were sent away, in all scenarios. */
let left = 0;

async function run(scenario: Scenario): Promise<number> {
  const { seed, slots, capacities, lanes, consumers, splits, rows, another } = scenario;
  const next = random(seed ^ 0x5eed);
  const buckets: Bucket[] = capacities.map((capacity) => ({ length: 1, capacity }));
  const layout = planSlotLayout(buckets, [{ name: 'x', dtype: 'int32', rowDims: [] }], []);
  const { maxDelayMicros, fixedOrder } = scenario;
  const memory = createRingMemory(layout, { slots, lanes, splits, maxDelayMicros, fixedOrder });
  const ring = new Ring(memory, MAIN_OWNER);
  const control = new ControlSide(ring);
  const counts = new Int32Array(new SharedArrayBuffer(splits * rows * 4));
  const hands = new Int32Array(new SharedArrayBuffer(slots * 4));
  const stop = new Int32Array(new SharedArrayBuffer(4));

  const consume = (number: number, onTaken?: () => void): Promise<Consumed> =>
    new Promise((resolve) => {
      const owner = consumerOwner(lanes, number);
      const tellAfter = onTaken && 1 + Math.floor(next() * 20);
      const workerData = { memory, owner, number, tellAfter, counts, hands, rows };
      const worker = new Worker(new URL('./fixtures/consumer.mjs', import.meta.url), { workerData });
      worker.on('message', (message: Consumed | { taken: number }) => {
        if ('taken' in message) onTaken?.();
        else resolve(message);
      });
    });
  const leave = (): void => {
    control.useConsumers(consumers);
    left++;
  };
  const join = (): void => void consuming.push(consume(consumers, leave));
  const consuming = Array.from({ length: consumers }, (_, i) =>
    consume(i, another && i === 0 ? join : undefined),
  );
  const sink = new Worker(new URL('./fixtures/sink.mjs', import.meta.url), {
    workerData: { memory, owner: consumerOwner(lanes, consumers + 1), stop },
  });
  const drained = once(sink, 'message') as Promise<[{ drained: number }]>;

  const died = await Promise.all(
    Array.from({ length: lanes }, (_, lane) => produce(memory, control, lane, scenario, next)),
  );
  await control.end();
  // Another may have joined in the meantime.
  for (const consumed of consuming) await consumed;
  const results = await Promise.all(consuming);
  Atomics.store(stop, 0, 1);
  ring.done.signal();
  const [{ drained: slotsDrained }] = await drained;

  expect(results.flatMap(({ faults }) => faults)).toEqual([]);
  expect(counts.findIndex((count) => count !== 1)).toBe(-1);
  expect(slotsDrained).toBe(results.reduce((sum, { batches }) => sum + batches, 0));
  for (let slot = 0; slot < slots; slot++) expect(ring.state(slot)).toBe(SlotState.FREE);
  expect(ring.mutex.owner).toBe(0);
  return died.reduce((sum, deaths) => sum + deaths);
}

describe('the ring under threads that die at any point: every row runs exactly once, and nothing hangs', () => {
  let deaths = 0;
  const scenarios = Array.from({ length: 16 * MORE }, (_, i) => scenarioOf(20_261_124 + i));
  test.each(scenarios)(
    'seed $seed: $slots slots of $capacities, $lanes producers, $consumers consumers, delay $maxDelayMicros, fixed $fixedOrder, deaths $deaths',
    async (scenario) => {
      deaths += await run(scenario);
    },
  );

  test('and they did die, and consumers left in the middle', () => {
    console.log(`${scenarios.length} scenarios, ${deaths} producers died, ${left} consumers were sent away`);
    expect(deaths).toBeGreaterThan(scenarios.length);
    expect(left).toBeGreaterThan(0);
  });
});
