import { type Bottleneck, type Report, round } from '../measure/report.js';
import { percent, perSecond, whole } from '../util/figures.js';
import type { DevicePoint, WhatIf } from './types.js';

/** What the conclusions are drawn from: rows a second. */
export interface Facts {
  readonly ceilings: {
    readonly storage: number;
    readonly loader: number;
    readonly device: number;
    /** Infinity where nothing is written. */
    readonly sink: number;
  };
  /** The loader with one producer more ÷ without, where that was measured. */
  readonly oneMoreProducer: number | undefined;
  /** The device with one instance more ÷ without, where that was measured. */
  readonly oneMoreInstance: number | undefined;
  readonly curve: readonly DevicePoint[];
  /** Whether the model takes batches of one size only. */
  readonly isFixed: boolean;
  /** The key that decides the size of batches, what it is, and how many rows are in a full one of those in the curve. */
  readonly batch: { readonly key: string; readonly value: number; readonly rows: number };
  readonly producers: number;
  readonly instances: number;
  /** Of the producers' time in the loader alone. */
  readonly loaderShares: { readonly fetch: number; readonly prep: number };
  readonly pipeline: number;
  readonly report: Pick<Report, 'bottleneck' | 'advice'>;
}

/** A larger batch is for those who can tell the difference. */
const KNEE = 0.9;
/** A loader that is within so much of storage alone does little but wait for it. */
const NEAR_STORAGE = 1.15;
/** Below this, the ceilings do not explain the pipeline, and its own account has the word. */
const EXPLAINED = 0.75;

/** The smallest batch size that comes near the most that the curve reaches. */
export function kneeOf(curve: readonly DevicePoint[]): { batchSize: number; rowsPerSecond: number } {
  const most = Math.max(...curve.map(({ rowsPerSecond }) => rowsPerSecond.median));
  const knee = curve.find(({ rowsPerSecond }) => rowsPerSecond.median >= KNEE * most);
  return { batchSize: knee?.batchSize ?? 0, rowsPerSecond: knee?.rowsPerSecond.median ?? 0 };
}

export function lowestOf(ceilings: Facts['ceilings']): number {
  return Math.min(...Object.values(ceilings));
}

export function efficiencyOf({ ceilings, pipeline }: Pick<Facts, 'ceilings' | 'pipeline'>): number {
  return round(pipeline / lowestOf(ceilings), 4);
}

/** By the lowest ceiling; by what the pipeline says of its own time where the ceilings don't explain it. */
export function limitOf(facts: Facts): Bottleneck {
  if (efficiencyOf(facts) < EXPLAINED) return facts.report.bottleneck;
  return lowestStage(facts);
}

export function lowestStage({
  ceilings,
  loaderShares,
}: Pick<Facts, 'ceilings' | 'loaderShares'>): Bottleneck {
  const { storage, loader, device, sink } = ceilings;
  const lowest = lowestOf(ceilings);
  if (device === lowest) return 'device';
  if (sink === lowest) return 'sink';
  const waits = storage < NEAR_STORAGE * loader || loaderShares.fetch > loaderShares.prep;
  return waits ? 'fetch' : 'prep';
}

/** What changes would bring: the pipeline keeps its efficiency, and the lowest ceiling is another. Best first. */
export function whatIfs(facts: Facts): WhatIf[] {
  const changes = [
    oneMoreProducer(facts),
    largerBatch(facts),
    oneMoreInstance(facts),
    fasterStorage(facts),
    fasterSink(facts),
  ];
  const before = lowestOf(facts.ceilings);
  return changes
    .filter((change) => change !== undefined)
    .map(({ ceilings, ...change }) => {
      const times = lowestOf({ ...facts.ceilings, ...ceilings }) / before;
      return { ...change, rowsPerSecond: round(facts.pipeline * times, 1), gain: round(times - 1, 4) };
    })
    .sort((a, b) => b.gain - a.gain);
}

const rate = (rowsPerSecond: number): string => perSecond(rowsPerSecond, 'rows');
const figure = (rowsPerSecond: number): string => rate(rowsPerSecond).replace(/ .*$/, '');

type Change = Omit<WhatIf, 'rowsPerSecond' | 'gain'> & { readonly ceilings: Partial<Facts['ceilings']> };

function oneMoreProducer({ producers, ceilings, oneMoreProducer: measured }: Facts): Change {
  const to = producers + 1;
  // More than its share is what one more can't bring, whatever was measured.
  const loader = ceilings.loader * Math.min(to / producers, measured ?? Number.POSITIVE_INFINITY);
  // Who prepares more has read more.
  const storage = Math.max(loader, (ceilings.storage * to) / producers);
  const does = `${rate(loader)} instead of ${figure(ceilings.loader)}`;
  const because =
    measured === undefined
      ? `reckoned: the loader alone would do ${does}, if it grew with its producers`
      : `measured: the loader alone does ${does}`;
  return {
    change: 'producers',
    from: producers,
    to,
    because,
    measured: measured !== undefined,
    ceilings: { loader, storage },
  };
}

function largerBatch({ curve, batch, isFixed, ceilings }: Facts): Change | undefined {
  if (isFixed) return undefined;
  const own = curve.find(({ batchSize }) => batchSize === batch.rows);
  const larger = curve.filter(({ batchSize }) => batchSize > batch.rows);
  const [next] = larger;
  if (own === undefined || next === undefined) return undefined;
  const most = Math.max(...larger.map(({ rowsPerSecond }) => rowsPerSecond.median));
  const best = larger.find(({ rowsPerSecond }) => rowsPerSecond.median >= KNEE * most) ?? next;
  const better = best.rowsPerSecond.median / own.rowsPerSecond.median;
  const to = Math.round((batch.value * best.batchSize) / batch.rows);
  const because = `measured: with batches of ${whole(best.batchSize)} the device alone does ${rate(ceilings.device * better)} instead of ${figure(ceilings.device)}`;
  return {
    change: batch.key,
    from: batch.value,
    to,
    because,
    measured: true,
    ceilings: { device: ceilings.device * better },
  };
}

/** Where the device is not what limits, nobody need know how it would do. */
function oneMoreInstance({ instances, ceilings, oneMoreInstance: measured }: Facts): Change | undefined {
  if (measured === undefined) return undefined;
  const device = ceilings.device * Math.min((instances + 1) / instances, measured);
  const because = `measured: the device alone does ${rate(device)} instead of ${figure(ceilings.device)}`;
  const counts = { from: instances, to: instances + 1 };
  return { change: 'model.instances', ...counts, because, measured: true, ceilings: { device } };
}

/** Half of the time that the producers wait for storage is gone. */
function fasterStorage({ ceilings, loaderShares: { fetch, prep } }: Facts): Change {
  const waits = fetch + prep > 0 ? fetch / (fetch + prep) : 0;
  const loader = ceilings.loader / (1 - waits / 2);
  const because = `reckoned: storage alone would do ${rate(2 * ceilings.storage)}, and the loader, which waits for it ${percent(waits)} of its time, ${rate(loader)}`;
  const changed = { storage: 2 * ceilings.storage, loader };
  return {
    change: 'storage',
    from: 'as it is',
    to: 'twice as fast',
    because,
    measured: false,
    ceilings: changed,
  };
}

function fasterSink({ ceilings: { sink } }: Facts): Change | undefined {
  if (sink === Number.POSITIVE_INFINITY) return undefined;
  const because = `reckoned: the sink alone would do ${rate(2 * sink)} instead of ${figure(sink)}`;
  return {
    change: 'sink',
    from: 'as it is',
    to: 'twice as fast',
    because,
    measured: false,
    ceilings: { sink: 2 * sink },
  };
}
