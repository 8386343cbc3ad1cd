import type { Bottleneck, DeviceShares } from './report.js';

/** Above this the device is what limits: an idle tenth can't be worth much. */
const DEVICE_BOUND = 0.9;

/** A device that had to wait for the sink for this share of its time has a sink that takes less than all before it give. */
const SINK_BOUND = 0.1;

/** Producers that had no room for this share of their time, and are too slow all the same, come in bursts. */
const BURSTS = 0.1;

/** Idle for this share of its time although the next batch was there: worth a word. */
const HANDOFF = 0.05;

/**
 * The largest cause for which the device was idle, but the sink where it was one at all: mending what is before it would
 * only make it wait for the sink more. The device itself where it hardly was idle, moments from one batch to the next aside.
 */
export function bottleneckOf({ busy, starved, blocked, handoff = 0 }: DeviceShares): Bottleneck {
  if (busy + handoff >= DEVICE_BOUND || busy + starved.total + blocked === 0) return 'device';
  if (blocked >= SINK_BOUND) return 'sink';
  const causes: [Bottleneck, number][] = [
    ['fetch', starved.fetch],
    ['prep', starved.prep],
    ['batching', starved.batching - handoff],
    ['sink', blocked],
  ];
  return causes.reduce((largest, cause) => (cause[1] > largest[1] ? cause : largest))[0];
}

/**
 * What to change, in a sentence or two; `shares` are those of so many devices together, `producersBlocked` is the producers'
 * share of waiting for a free slot.
 */
export function adviceOn(
  bottleneck: Bottleneck,
  shares: DeviceShares,
  devices = 1,
  producersBlocked = 0,
): string {
  const { handoff = 0 } = shares;
  const bursts =
    producersBlocked >= BURSTS
      ? ` Rows come in bursts that the ring is too small for (producers had no free slot ${percent(producersBlocked)} of their time): raise ring.slots too.`
      : '';
  const [subject, faster] =
    devices === 1 ? ['The device', 'a faster device'] : ['The devices', 'faster devices'];
  const cores =
    handoff >= HANDOFF
      ? ` For ${percent(handoff)} of the time the next batch was ready and not started: the machine’s cores were busy with other things.`
      : '';
  switch (bottleneck) {
    case 'device':
      return `${subject} had work ${percent(shares.busy + handoff)} of the time: only ${faster}, more instances or a larger batch.size can make this job faster.${cores}`;
    case 'fetch':
      return `${subject} waited ${percent(shares.starved.fetch)} of the time for storage: more producers read more at the same time; if that does not help, the storage is too slow for this device.${bursts}`;
    case 'prep':
      return `${subject} waited ${percent(shares.starved.prep)} of the time for decoding and collating: raise producers, or make the rows cheaper to prepare.${bursts}`;
    case 'batching':
      return `${subject} waited ${percent(shares.starved.batching - handoff)} of the time while rows waited for company: lower batch.maxDelayMs or batch.size, or raise producers.`;
    case 'sink':
      return `${subject} waited ${percent(shares.blocked)} of the time for outputs to be written: raise ring.slots, keep fewer columns, or write to a faster disk.`;
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
