// What the figures of a model on a device must show, and what to do where they don't. Plain functions.

export const BARS = { busy: 0.95, apart: 0.05 };

const TODO = {
  fetch:
    'storage holds the device up: put the data on a local disk, or give source.cache one; then more producers',
  prep: 'preparation holds the device up: more producers (cores), or leave casts and scales to the model, as these do',
  batching: 'batches wait for rows: a larger ring, or batch.maxDelayMs and buckets that fit the data',
  sink: 'the sink holds the device up: sink.format arrow, a faster disk, or fewer outputs',
  device:
    'nothing but the device limits it: a larger batch (see the knee), another instance, or a faster model',
};

const NOISE =
  'more than the device does alone is noise: nothing else may run meanwhile, and longer runs help (--seconds)';

/**
 * @param {{ bench: any, run: any }} figures the documents of `penstock bench` and `penstock run`, with batches of one size
 * @returns {{ what: string, seen: string, met: boolean, todo: string | null }[]}
 */
export function verdictsOf({ bench, run }) {
  const device = deviceOf(run);
  const ceiling = bench.ceilings.device.rowsPerSecond.median;
  const pipeline = bench.pipeline.rowsPerSecond.median;
  const ratio = pipeline / ceiling;
  const busy = device.busy >= BARS.busy;
  const near = Math.abs(ratio - 1) <= BARS.apart;
  const others = Object.entries(bench.ceilings).filter(
    ([name, stage]) => name !== 'device' && stage !== null,
  );
  const lower = others.filter(([, stage]) => stage.rowsPerSecond.median < ceiling).map(([name]) => name);
  return [
    {
      what: `busy is at least ${percent(BARS.busy)}`,
      seen: percent(device.busy),
      met: busy,
      todo: busy ? null : TODO[run.bottleneck],
    },
    {
      what: `the pipeline is within ${percent(BARS.apart)} of what the device does alone`,
      seen: `${percent(ratio)} of it`,
      met: near,
      todo: near ? null : ratio > 1 ? NOISE : TODO[bench.limitedBy],
    },
    {
      what: 'the device is the lowest ceiling',
      seen: lower.length === 0 ? 'it is' : `${lower.join(' and ')} can do less`,
      met: lower.length === 0,
      todo: lower.length === 0 ? null : TODO[bench.limitedBy],
    },
  ];
}

/** One report has one device here: a job asks for one provider. */
export function deviceOf(run) {
  return run.devices[0];
}

export function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}
