import { Piscina } from 'piscina';
import type { Split } from '../dataset/types.js';
import { laneOwner, type Ring } from '../ring/ring.js';
import { DeviceError, fromRecord, messageOf } from '../util/errors.js';
import type { ProducedSplit, ProduceResult, ProducerContext, ProduceTask } from './types.js';

/** How often a split is produced again after the thread that produced it died. */
const MAX_ATTEMPTS = 3;

/** The pool of producer threads. Whoever starts it closes it. */
export class Producers {
  readonly #pool: Piscina<ProduceTask, ProduceResult>;
  readonly count: number;

  /** Starts the threads at once, so that they are up when the ring is. */
  constructor(count: number) {
    this.count = count;
    this.#pool = new Piscina({
      filename: new URL('./task.js', import.meta.url).href,
      minThreads: count,
      maxThreads: count,
    });
  }

  /**
   * Produces splits, in order, `count` at a time; resolves when all rows are in the ring.
   *
   * @param onProduced called for each split, in the order of completion
   * @throws the first error of any producer; the others stop at the ring's abort, which is the caller's to call
   */
  async produce(
    splits: Iterable<Split>,
    context: ProducerContext,
    ring: Ring,
    onProduced: (produced: ProducedSplit) => void,
  ): Promise<void> {
    const queue = splits[Symbol.iterator]();
    const lane = async (index: number): Promise<void> => {
      for (let next = queue.next(); !next.done; next = queue.next()) {
        onProduced(
          await this.#produceOne({ context, lane: index, split: next.value, committedRows: 0 }, ring),
        );
      }
    };
    await Promise.all(Array.from({ length: this.count }, (_, index) => lane(index)));
  }

  /** Ends the threads. They must have been told to stop: a thread that waits in the ring would be cut off. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #produceOne(task: ProduceTask, ring: Ring): Promise<ProducedSplit> {
    let { committedRows } = task;
    for (let attempt = 1; ; attempt++) {
      const result = await this.#pool.run({ ...task, committedRows }).catch((cause: unknown) => ({ cause }));
      if ('produced' in result) return result.produced;
      if ('error' in result) throw fromRecord(result.error);
      // The thread is gone. What it had committed stays; the rest of the split is produced again.
      const recovered = ring.recoverLane(task.lane, laneOwner(task.lane));
      if (recovered.split === task.split.ordinal) committedRows = recovered.committedRows;
      if (attempt < MAX_ATTEMPTS) continue;
      const { uri } = task.split.object;
      throw new DeviceError(
        `${uri}: the thread that reads record batches ${task.split.first} to ` +
          `${task.split.first + task.split.count - 1} died ${attempt} times: ${messageOf(result.cause)}`,
        { file: uri, cause: result.cause },
      );
    }
  }
}
