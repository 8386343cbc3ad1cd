import { Piscina } from 'piscina';
import type { Split } from '../dataset/types.js';
import type { ControlSide } from '../ring/control-side.js';
import { DeviceError, fromRecord, messageOf } from '../util/errors.js';
import { threadFlags } from '../util/exec-argv.js';
import type { ProducedSplit, ProduceResult, ProducerContext, ProduceTask } from './types.js';

/** How often a split is tried before its producers' deaths are taken for its fault. */
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
      ...threadFlags(),
    });
  }

  /**
   * Produces splits, in order, `count` at a time; resolves when all rows are in the ring.
   *
   * @param onProduced called for each split, in the order of completion, with the number of its batches (fixed order)
   * @throws the first error of any producer; the others stop at the ring's abort, which is the caller's to call
   */
  async produce(
    splits: Iterable<Split>,
    context: ProducerContext,
    control: ControlSide,
    onProduced: (produced: ProducedSplit, batches: number) => void,
  ): Promise<void> {
    const queue = splits[Symbol.iterator]();
    const lane = async (index: number): Promise<void> => {
      for (let next = queue.next(); !next.done; next = queue.next()) {
        const split = next.value;
        await control.assign(index, split.ordinal);
        const produced = await this.#produceOne({ context, lane: index, split, committedRows: 0 }, control);
        onProduced(produced, await control.finish(index));
      }
    };
    await Promise.all(Array.from({ length: this.count }, (_, index) => lane(index)));
  }

  /** Ends the threads. They must have been told to stop: a thread that waits in the ring would be cut off. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #produceOne(task: ProduceTask, control: ControlSide): Promise<ProducedSplit> {
    let { committedRows } = task;
    for (let attempt = 1; ; attempt++) {
      const result = await this.#pool.run({ ...task, committedRows }).catch((cause: unknown) => ({ cause }));
      if ('produced' in result) return result.produced;
      // What is wrong with the data, or with the world, would be wrong again.
      if ('error' in result && result.error.code !== 'INTERNAL') throw fromRecord(result.error);
      // The thread is gone, or gave up in the middle. What it had committed stays; the rest is produced again.
      committedRows = await control.recover(task.lane);
      const cause = 'error' in result ? fromRecord(result.error) : result.cause;
      if (attempt < MAX_ATTEMPTS) continue;
      const { uri } = task.split.object;
      throw new DeviceError(
        `${uri}: the thread that reads record batches ${task.split.first} to ` +
          `${task.split.first + task.split.count - 1} failed ${attempt} times: ${messageOf(cause)}`,
        { file: uri, cause },
      );
    }
  }
}
