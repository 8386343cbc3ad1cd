/** What is measured in a round beside the stages that always are. */
export interface Extras {
  /** The loader with one producer more. */
  readonly producer: boolean;
  /** The device with one instance more. */
  readonly instance: boolean;
}

/** Seconds of each stage in a round. */
export interface StageSeconds {
  readonly storage: number;
  readonly loader: number;
  readonly oneMoreProducer: number;
  readonly device: number;
  readonly oneMoreInstance: number;
  readonly loop: number;
  readonly sink: number;
  readonly pipeline: number;
}

export interface Schedule {
  readonly rounds: number;
  readonly seconds: StageSeconds;
}

export interface ScheduleRequest {
  /** For all rounds together. */
  readonly seconds: number;
  /** Seconds that it takes in a round to start threads and load the model. */
  readonly overhead: number;
  readonly extras: Extras;
  readonly writes: boolean;
}

/** What shares a round's time: those that have to come up to speed first, and have most said of them, get most. */
const WEIGHTS: StageSeconds = {
  storage: 1,
  loader: 3,
  oneMoreProducer: 2,
  device: 4,
  oneMoreInstance: 1,
  loop: 3,
  sink: 1.5,
  pipeline: 4,
};

const LEAST_ROUNDS = 3;
const MOST_ROUNDS = 7;
/** Of a round, as long as there may be more of them. */
const ROUND_SECONDS = 9;
/** Below this, what is measured is how threads come up to speed. */
const LEAST_SECONDS = 2;

/** Rounds of equal length, three at the least. */
export function scheduleFor({ seconds, overhead, extras, writes }: ScheduleRequest): Schedule {
  const rounds = Math.max(
    LEAST_ROUNDS,
    Math.min(MOST_ROUNDS, Math.floor(seconds / (ROUND_SECONDS + overhead))),
  );
  const measuring = Math.max(LEAST_SECONDS, seconds / rounds - overhead);
  const weights = {
    ...WEIGHTS,
    oneMoreProducer: extras.producer ? WEIGHTS.oneMoreProducer : 0,
    oneMoreInstance: extras.instance ? WEIGHTS.oneMoreInstance : 0,
    sink: writes ? WEIGHTS.sink : 0,
  };
  const sum = Object.values(weights).reduce((all, weight) => all + weight, 0);
  const share = (weight: number): number => (measuring * weight) / sum;
  return {
    rounds,
    seconds: {
      storage: share(weights.storage),
      loader: share(weights.loader),
      oneMoreProducer: share(weights.oneMoreProducer),
      device: share(weights.device),
      oneMoreInstance: share(weights.oneMoreInstance),
      loop: share(weights.loop),
      sink: share(weights.sink),
      pipeline: share(weights.pipeline),
    },
  };
}

/** Seconds of a round's stages together. */
export function sumOf(seconds: StageSeconds): number {
  return Object.values(seconds).reduce((sum, stage) => sum + stage, 0);
}

/** Batch sizes that the device is measured at, those first that matter most: up to four times the job's own. */
export function sizesFor(own: number, most: number): number[] {
  const powers = Array.from({ length: 16 }, (_, power) => 2 ** power);
  const end = powers.find((size) => size >= 4 * own) ?? own;
  const larger = powers.filter((size) => size > own && size <= end && size <= most);
  const smaller = powers.filter((size) => size < own).reverse();
  return [own, ...larger, ...smaller];
}
