/** What everything of one queue is called in Redis. BullMQ's own keys begin with `bull:` and the name of the queue. */
export class Names {
  /** The queue of runs, one job each. */
  readonly runs: string;
  /** A channel: there may be something to do. */
  readonly wake: string;
  /** A set of `run/index`: shards that are not done, whoever has them. Its size is what a cluster scales on. */
  readonly open: string;
  /** A sorted set of workers, by their last sign of life in milliseconds. */
  readonly workers: string;

  constructor(name: string) {
    this.runs = name;
    this.wake = `${name}:wake`;
    this.open = `${name}:open`;
    this.workers = `${name}:workers`;
  }

  /** The queue of a run's shards. */
  shards(run: string): string {
    return `${this.runs}.${run}`;
  }

  /** A hash: what is counted of a run, and whether it was cancelled. */
  record(run: string): string {
    return `${this.runs}:run:${run}`;
  }

  /** Who is putting a run into the queue at this moment. */
  submission(run: string): string {
    return `${this.runs}:submission:${run}`;
  }

  /** What a worker says of itself; it expires without a sign of life. */
  worker(id: string): string {
    return `${this.runs}:worker:${id}`;
  }

  openShard(run: string, index: number): string {
    return `${run}/${index}`;
  }
}

/** A shard's job in its queue. BullMQ takes no plain numbers. */
export const shardJob = (index: number): string => `s${index}`;
