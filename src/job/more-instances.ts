import type { Consumer } from '../consume/consumer.js';
import type { ControlSide } from '../ring/control-side.js';
import { messageOf } from '../util/errors.js';
import type { TunableInstances } from './tune/tuner.js';

/** What it takes for a session to join. */
export interface Joining {
  /** Starts it, as the consumer of that number; resolves when it is warm. */
  start(number: number): Promise<Consumer>;
  /** Lets it take batches; resolves when it takes no more. */
  consume(consumer: Consumer): Promise<void>;
}

/**
 * The consumers of a run, which may become more while it goes on, and fewer again. Whoever started their threads ends them:
 * one that is still starting when the run is over never joins.
 */
export class MoreInstances implements TunableInstances {
  readonly consumers: Consumer[];
  readonly #control: ControlSide;
  readonly #joining: Joining;
  readonly #consumed: Promise<void>[];
  #asked: number;
  #failure: string | undefined;
  #isOver = false;

  constructor(consumers: readonly Consumer[], control: ControlSide, joining: Joining) {
    this.consumers = [...consumers];
    this.#asked = consumers.length;
    this.#control = control;
    this.#joining = joining;
    this.#consumed = consumers.map((consumer) => joining.consume(consumer));
  }

  get count(): number {
    return this.consumers.length;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  /** More join once they are warm; those from this number on leave with the batch that they have. */
  use(count: number): void {
    this.#control.useConsumers(count);
    while (this.#asked < count) void this.#join(this.#asked++);
  }

  async #join(number: number): Promise<void> {
    try {
      const consumer = await this.#joining.start(number);
      if (this.#isOver) return;
      this.consumers[number] = consumer;
      this.#consumed.push(this.#joining.consume(consumer));
    } catch (error) {
      this.#failure = messageOf(error);
    }
  }

  /** Resolves when none takes batches any more; none joins after that. */
  async ended(): Promise<void> {
    for (const consumed of this.#consumed) await consumed;
    this.#isOver = true;
  }
}
