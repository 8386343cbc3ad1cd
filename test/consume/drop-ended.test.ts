import { beforeEach, describe, expect, test } from 'vitest';
import { dropEnded } from '../../src/consume/drop-ended.js';
import { planSlotLayout } from '../../src/ring/layout.js';
import { RunStatus, SlotState, SlotWord } from '../../src/ring/protocol.js';
import { createRequestPage, RequestPage, RequestState } from '../../src/ring/request-page.js';
import { RequestSide } from '../../src/ring/request-side.js';
import { createRingMemory, MAIN_OWNER, Ring } from '../../src/ring/ring.js';

const SLOT = 0;
const LATER = 1000;
const NOW = 500;

let ring: Ring;
let page: RequestPage;

/** A slot that a consumer has taken, with two rows each of three requests: each row is one number, its own. */
beforeEach(() => {
  const layout = planSlotLayout(
    [{ length: 1, capacity: 6 }],
    [{ name: 'x', dtype: 'int32', rowDims: [] }],
    [],
  );
  const config = { slots: 1, lanes: 1, splits: 0, maxDelayMicros: 0, fixedOrder: false };
  ring = new Ring(createRingMemory(layout, config), MAIN_OWNER);
  page = new RequestPage(createRequestPage(3, 1));
  const side = new RequestSide(ring);
  side.lock();
  side.open();
  for (const place of [0, 1, 2]) {
    page.begin(place, LATER);
    side.claim(SLOT, place, 0, 2);
  }
  side.unlock();
  rows().set([1, 2, 3, 4, 5, 6]);
  side.commit(SLOT, 3, 6);
  ring.exchange(SLOT, SlotState.READY, SlotState.RUNNING);
});

const rows = (): Int32Array => {
  const [region] = ring.layout.inputs;
  return ring.regionView(SLOT, region as never) as Int32Array;
};
const left = (): number[] => Array.from(rows().subarray(0, ring.slotWord(SLOT, SlotWord.CLAIMED)));
const placesOf = (status: RunStatus): number[] => ring.runs(SLOT, status).map(({ split }) => split);

describe('of a batch that is about to run', () => {
  test('all rows stay whose requests wait', () => {
    expect(dropEnded(ring, page, SLOT, NOW)).toBe(6);
    expect(left()).toEqual([1, 2, 3, 4, 5, 6]);
    expect([0, 1, 2].map((place) => page.state(place))).toEqual(new Array(3).fill(RequestState.TAKEN));
  });

  test('rows are taken out whose client is gone, and those behind move up', () => {
    expect(page.endWaiting(1)).toBe(true);
    expect(dropEnded(ring, page, SLOT, NOW)).toBe(4);
    expect(left()).toEqual([1, 2, 5, 6]);
    expect(placesOf(RunStatus.COMMITTED)).toEqual([0, 2]);
    expect(placesOf(RunStatus.VOID)).toEqual([1]);
    expect(ring.runs(SLOT).map(({ first }) => first)).toEqual([0, 2]);
  });

  test('rows are taken out that could not be answered by their deadline, and no others of their request run', () => {
    page.begin(0, NOW - 1);
    expect(dropEnded(ring, page, SLOT, NOW)).toBe(4);
    expect(left()).toEqual([3, 4, 5, 6]);
    expect(page.state(0)).toBe(RequestState.ENDED);
  });

  test('nothing may be left', () => {
    for (const place of [0, 1, 2]) page.end(place);
    expect(dropEnded(ring, page, SLOT, NOW)).toBe(0);
    expect(left()).toEqual([]);
  });
});
