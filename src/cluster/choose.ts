/** A run that a free worker could help. */
export interface Candidate {
  readonly run: string;
  /** 1 comes first, strictly. */
  readonly priority: number;
  /** Its share among those of its priority. */
  readonly weight: number;
  /** Worker-seconds that it has had, and will have had once the shards at work are done, as far as one can tell. */
  readonly used: number;
  /** Shards at work. */
  readonly active: number;
  /** Milliseconds since the epoch. */
  readonly submittedAt: number;
}

/**
 * In which order a free worker tries runs: the urgent ones first; among equals the one that has had least of the workers'
 * time for its weight, so that over time each gets its share, however long its shards take and however many workers there are;
 * then the one with fewest workers for its weight, then the oldest.
 *
 * Source: stride scheduling (Waldspurger and Weihl, 1995), with time as what is shared out.
 */
export function chooseRuns(candidates: readonly Candidate[]): string[] {
  return [...candidates]
    .sort(
      (a, b) =>
        a.priority - b.priority ||
        a.used / a.weight - b.used / b.weight ||
        a.active / a.weight - b.active / b.weight ||
        a.submittedAt - b.submittedAt ||
        (a.run < b.run ? -1 : 1),
    )
    .map(({ run }) => run);
}

/**
 * What a run that joins others is taken to have had: as much, for its weight, as the one that has had least. Nothing would
 * give it all workers until it had caught up with runs that have been there for hours.
 */
export function initialUse(weight: number, others: readonly Pick<Candidate, 'used' | 'weight'>[]): number {
  if (others.length === 0) return 0;
  return weight * Math.min(...others.map((other) => other.used / other.weight));
}

/** What a shard will have taken, before it has: as long as those before it. */
export function expectedSeconds({
  seconds,
  ended,
}: {
  readonly seconds: number;
  readonly ended: number;
}): number {
  return ended > 0 ? seconds / ended : 1;
}
