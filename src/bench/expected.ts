import type { LoopResult } from './requests.js';

/** Parts that are written at the same time, at the least. */
const WRITES_AT_ONCE = 2;
/** Of what the stages alone can do, the pipeline is expected to do so much. */
const EFFICIENCY = 0.8;

/** Rows a second that stages can do alone. */
export interface StageRates {
  readonly loader: number;
  readonly device: number;
  /** Infinity where nothing is written. */
  readonly sink: number;
}

/** The same as a first pass in one thread lets expect. */
export interface Expected extends StageRates {
  readonly pipeline: number;
}

export function lowestRate({ loader, device, sink }: StageRates): number {
  return Math.min(loader, device, sink);
}

export function expectedAfter(
  { rowsPerSecond, micros }: LoopResult,
  producers: number,
  consumers: number,
  writes: boolean,
): Expected {
  const all = micros.fetch + micros.prep + micros.run + micros.write;
  const rate = (spent: number, lanes: number): number => (lanes * rowsPerSecond * all) / Math.max(1, spent);
  const rates = {
    loader: rate(micros.fetch + micros.prep, producers),
    device: rate(micros.run, consumers),
    sink: writes ? rate(micros.write, WRITES_AT_ONCE) : Number.POSITIVE_INFINITY,
  };
  return { ...rates, pipeline: EFFICIENCY * lowestRate(rates) };
}
