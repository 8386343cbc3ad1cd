import { ConsumerSide } from '../../src/ring/consumer-side.js';
import { ControlSide } from '../../src/ring/control-side.js';
import { planSlotLayout } from '../../src/ring/layout.js';
import { LoaderSide } from '../../src/ring/loader-side.js';
import { type Claim, ProducerSide } from '../../src/ring/producer-side.js';
import { SlotState } from '../../src/ring/protocol.js';
import {
  consumerOwner,
  createRingMemory,
  laneOwner,
  MAIN_OWNER,
  Ring,
  type RingConfig,
  type RingMemory,
} from '../../src/ring/ring.js';
import { SinkSide } from '../../src/ring/sink-side.js';

export interface Small extends Partial<RingConfig> {
  /** Rows of a batch, a bucket each. */
  readonly capacities?: readonly number[];
  /** Signals of a consumer that may be put off; each is given at once by default. */
  readonly mostPutOff?: number;
}

export function smallMemory({ capacities = [4], mostPutOff: _, ...config }: Small = {}): RingMemory {
  const buckets = capacities.map((capacity, bucket) => ({ length: bucket + 1, capacity }));
  const layout = planSlotLayout(buckets, [{ name: 'x', dtype: 'int32', rowDims: [] }], []);
  return createRingMemory(layout, {
    slots: 2,
    lanes: 1,
    splits: 1,
    maxDelayMicros: Number.POSITIVE_INFINITY,
    fixedOrder: false,
    ...config,
  });
}

/** A ring with everybody who works on it, each as an owner of its own, all in this thread. */
export function smallRing(small: Small = {}) {
  const memory = smallMemory(small);
  const { lanes } = memory.config;
  const ring = awake(new Ring(memory, MAIN_OWNER));
  const rings = Array.from({ length: lanes }, (_, lane) => awake(new Ring(memory, laneOwner(lane))));
  const producers = rings.map((own, lane) => new ProducerSide(own, lane));
  const consumerRing = awake(new Ring(memory, consumerOwner(lanes, 0)));
  return {
    memory,
    /** That of the main thread. */
    ring,
    /** Those of the producers. */
    rings,
    consumerRing,
    control: new ControlSide(ring),
    loader: new LoaderSide(ring),
    consumer: new ConsumerSide(consumerRing, small.mostPutOff ?? 1),
    sink: new SinkSide(awake(new Ring(memory, consumerOwner(lanes, 1)))),
    producer: (lane = 0): ProducerSide => producers[lane] as ProducerSide,
    ringOf: (lane: number): Ring => rings[lane] as Ring,
    /** Claims rows, and leaves them unwritten. */
    claim: (lane: number, split: number, row: number, want: number, bucket = 0): Claim => ({
      ...(producers[lane] as ProducerSide).claim(split, row, want, bucket, neverWaits),
    }),
    /** Claims rows and commits them; the slot that they are in. */
    put(lane: number, split: number, row: number, want: number, bucket = 0): number {
      const producer = producers[lane] as ProducerSide;
      const { slot } = producer.claim(split, row, want, bucket, neverWaits);
      producer.commit();
      return slot;
    },
    /** The states of all slots by name. */
    states: (): string[] =>
      Array.from({ length: memory.config.slots }, (_, slot) => nameOf(ring.state(slot))),
  };
}

export type SmallRing = ReturnType<typeof smallRing>;

/**
 * The ring of a thread that is the only one: where it would sleep for ever, for a signal or the lock, or in short naps
 * without end, it fails.
 */
function awake(ring: Ring): Ring {
  let naps = 0;
  for (const event of [ring.ready, ring.free, ring.done]) {
    const wait = event.wait.bind(event);
    event.wait = (ticket, timeoutMs = Number.POSITIVE_INFINITY) => {
      if (event.ticket() === ticket && (timeoutMs > 100 || ++naps > 20)) neverWaits();
      return wait(ticket, timeoutMs);
    };
    const waitAsync = event.waitAsync.bind(event);
    event.waitAsync = (ticket, timeoutMs) => {
      if (++naps > 20) neverWaits();
      return waitAsync(ticket, timeoutMs);
    };
  }
  const { mutex } = ring;
  const lock = mutex.lock.bind(mutex);
  mutex.lock = (owner) => {
    if (mutex.owner !== 0) throw new Error(`the lock is held by ${mutex.owner}`);
    lock(owner);
  };
  return ring;
}

/** In place of whatever is called before a sleep: this thread is the only one, and would sleep for ever. */
export function neverWaits(): never {
  throw new Error('this would wait');
}

function nameOf(state: SlotState): string {
  return Object.entries(SlotState).find(([, value]) => value === state)?.[0] ?? String(state);
}

/** Whether something signals an event between two looks. */
export function signalsOf(...events: readonly { ticket(): number }[]): () => number[] {
  let before = events.map((event) => event.ticket());
  return () => {
    const after = events.map((event) => event.ticket());
    const counts = after.map((ticket, i) => ticket - (before[i] as number));
    before = after;
    return counts;
  };
}
