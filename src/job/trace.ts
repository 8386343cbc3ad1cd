import { now } from '../clock/now.js';
import { ConsumerState, ProducerState } from '../clock/state-clock.js';
import { createTraceMemory, type TraceMemory } from '../clock/trace.js';
import { chromeTrace, MOST_RECORDS } from '../measure/trace.js';
import { consumerOwner, laneOwner } from '../ring/ring.js';

/** The threads of a run whose doings are traced. */
export interface TracedThreads {
  readonly lanes: number;
  /** The device that each consumer drives. */
  readonly devices: readonly string[];
}

/** A track for every owner of the ring: the main thread, producers, consumers, the sink. */
export function traceMemoryFor({ lanes, devices }: TracedThreads): TraceMemory {
  return createTraceMemory(consumerOwner(lanes, devices.length) + 1, MOST_RECORDS);
}

/** What they did, as a file that Perfetto opens. All of them have stopped. */
export function traceText(
  memory: TraceMemory,
  { lanes, devices }: TracedThreads,
  about: { readonly job: string; readonly startedAt: number },
): string {
  const producers = Array.from({ length: lanes }, (_, lane) => ({
    track: laneOwner(lane),
    name: `producer ${lane}`,
    states: ProducerState,
  }));
  const consumers = devices.map((device, i) => ({
    track: consumerOwner(lanes, i),
    name: `consumer ${i} on ${device}`,
    states: ConsumerState,
  }));
  const sink = { track: consumerOwner(lanes, devices.length), name: 'sink', states: undefined };
  return chromeTrace(memory, { ...about, endedAt: now(), threads: [...producers, ...consumers, sink] });
}
