import { describe, expect, test } from 'vitest';
import { Gpm, type GpmFunctions } from '../../../src/measure/gpu/gpm.js';

const DEVICE = 77n;
const METRICS = 24;
const METRIC_BYTES = 40;

/** A driver whose answers are set by a test; `log` has what it was asked. */
function driver(changes: Partial<GpmFunctions> = {}) {
  const log: string[] = [];
  let samples = 0n;
  /** By metric identifier: its value, or what went wrong. */
  const values = new Map<number, number | { readonly fails: number }>();
  const requests: { version: number; count: number; ids: number[]; from: bigint; to: bigint }[] = [];
  const functions: GpmFunctions = {
    queryDeviceSupport(device, support) {
      log.push(`support of ${device}, version ${support[0]}`);
      support[1] = 1;
      return 0;
    },
    sampleAlloc(sample) {
      sample[0] = ++samples;
      return 0;
    },
    sampleFree(sample) {
      log.push(`free ${sample}`);
      return 0;
    },
    sampleGet(device, sample) {
      log.push(`sample ${sample} of ${device}`);
      return 0;
    },
    metricsGet(request) {
      const view = new DataView(request.buffer, request.byteOffset, request.byteLength);
      const count = view.getUint32(4, true);
      const ids = Array.from({ length: count }, (_, i) => view.getUint32(METRICS + i * METRIC_BYTES, true));
      requests.push({
        version: view.getUint32(0, true),
        count,
        ids,
        from: view.getBigUint64(8, true),
        to: view.getBigUint64(16, true),
      });
      ids.forEach((id, i) => {
        const at = METRICS + i * METRIC_BYTES;
        const value = values.get(id) ?? 0;
        view.setUint32(at + 4, typeof value === 'number' ? 0 : value.fails, true);
        view.setFloat64(at + 8, typeof value === 'number' ? value : 1, true);
      });
      return 0;
    },
    ...changes,
  };
  const open = (): Gpm => {
    const gpm = Gpm.open(functions, DEVICE);
    if (gpm === undefined) throw new Error('no counters');
    return gpm;
  };
  return { functions, open, log, requests, values };
}

describe('counters of a GPU', () => {
  test('are differences between two samples, the older and the newer, which change places', () => {
    const { open, log, requests } = driver();
    const gpm = open();
    expect(gpm.sample(1000)).toEqual({});
    expect(requests).toEqual([]);
    gpm.sample(1200);
    gpm.sample(1400);
    expect(log).toEqual(['support of 77, version 1', 'sample 2 of 77', 'sample 1 of 77', 'sample 2 of 77']);
    expect(requests.map(({ from, to }) => [from, to])).toEqual([
      [2n, 1n],
      [1n, 2n],
    ]);
    gpm.close();
    expect(log.slice(4).sort()).toEqual(['free 1', 'free 2']);
  });

  test('are asked for by their identifiers, and told in our units', () => {
    const { open, requests, values } = driver();
    for (const [id, value] of [
      [2, 62.5],
      [3, 25],
      [5, 12.5],
      [10, 50],
      [20, 3],
      [21, 2048],
    ] as const)
      values.set(id, value);
    const gpm = open();
    gpm.sample(0);
    expect(gpm.sample(110)).toEqual({
      smActive: 0.625,
      smOccupancy: 0.25,
      tensorActive: 0.125,
      dramActive: 0.5,
      pcieSentBytesPerSecond: 3 * 2 ** 20,
      pcieReceivedBytesPerSecond: 2 ** 31,
    });
    expect(requests).toMatchObject([{ version: 1, count: 6, ids: [2, 3, 5, 10, 20, 21] }]);
  });

  test('that the driver fails to tell, or tells nonsense of, are left out', () => {
    const { open, values } = driver();
    values.set(2, { fails: 3 });
    values.set(3, Number.NaN);
    values.set(5, Number.POSITIVE_INFINITY);
    values.set(10, 100);
    const gpm = open();
    gpm.sample(0);
    expect(gpm.sample(200)).toEqual({
      dramActive: 1,
      pcieSentBytesPerSecond: 0,
      pcieReceivedBytesPerSecond: 0,
    });
  });

  test('are not asked for sooner than 110 ms after the last time', () => {
    const { open, requests } = driver();
    const gpm = open();
    gpm.sample(500);
    expect(gpm.sample(609)).toEqual({});
    expect(requests).toHaveLength(0);
    expect(gpm.sample(610)).not.toEqual({});
    expect(gpm.sample(719)).toEqual({});
    expect(requests).toHaveLength(1);
  });

  test('are none where a sample fails, and count from the last that did not', () => {
    let fails = false;
    const { open, requests } = driver({ sampleGet: () => (fails ? 999 : 0) });
    const gpm = open();
    gpm.sample(0);
    fails = true;
    expect(gpm.sample(200)).toEqual({});
    fails = false;
    expect(gpm.sample(250)).not.toEqual({});
    expect(requests.map(({ from, to }) => [from, to])).toEqual([[2n, 1n]]);
  });

  test('are none where the driver can not make a difference of them', () => {
    const gpm = driver({ metricsGet: () => 1 }).open();
    gpm.sample(0);
    expect(gpm.sample(200)).toEqual({});
  });
});

describe('a card without counters', () => {
  test('is one of which the driver says so, or says nothing', () => {
    const says = (support: number, status: number) =>
      driver({
        queryDeviceSupport(_, out) {
          out[1] = support;
          return status;
        },
      });
    for (const { functions, log } of [says(0, 0), says(1, 3)]) {
      expect(Gpm.open(functions, DEVICE)).toBeUndefined();
      expect(log).toEqual([]);
    }
  });

  test.each([
    ['first', ['free 2']],
    ['second', ['free 1']],
  ] as const)('is one for which the %s sample can not be had; the other is given back', (which, expected) => {
    let asked = 0;
    const { functions, log } = driver({
      sampleAlloc(sample) {
        asked++;
        sample[0] = BigInt(asked);
        return asked === (which === 'first' ? 1 : 2) ? 1 : 0;
      },
    });
    expect(Gpm.open(functions, DEVICE)).toBeUndefined();
    expect(log.slice(1)).toEqual(expected);
  });
});
