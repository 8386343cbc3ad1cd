import { describe, expect, test } from 'vitest';
import { FairShares, Share } from '../../src/consume/fair-share.js';

const BOUND = 100;

/** Claimants of these classes and weights, all of which always have something to run. */
function claimants(...of: readonly (readonly [priority: number, weight: number])[]) {
  const shares = new FairShares(new Float64Array(of.length * Share.numbers), BOUND);
  for (const [who, [priority, weight]] of of.entries()) {
    shares.add(who, priority, weight);
    shares.enter(who);
  }
  /** Serves `times` times the best, `service` each; who it was. */
  const serve = (times: number, service = 1): number[] =>
    Array.from({ length: times }, () => {
      const who = shares.best();
      shares.charge(who, service);
      return who;
    });
  const counts = (served: readonly number[]): number[] =>
    of.map((_, who) => served.filter((one) => one === who).length);
  return { shares, serve, counts };
}

describe('fair shares', () => {
  test('go by weight within a class', () => {
    const { serve, counts } = claimants([1, 3], [1, 1], [1, 2]);
    expect(counts(serve(600))).toEqual([300, 100, 200]);
  });

  test('go to the first class, until another is owed more than the bound; then to each what its weight says', () => {
    const { serve, counts } = claimants([2, 1], [1, 3]);
    const first = serve(401);
    expect(counts(first.slice(0, 400))).toEqual([0, 400]);
    expect(first[400]).toBe(1);
    expect(counts(serve(4000))).toEqual([1000, 3000]);
  });

  test('of one that yields come one at a time, whatever it is owed', () => {
    const { shares, serve, counts } = claimants([2, 3], [1, 1]);
    const turns = (yields: 0 | 1): number[] => {
      shares.set(0, Share.YIELDS, yields);
      shares.set(0, Share.OWED, 10 * BOUND);
      return serve(100);
    };
    expect(counts(turns(0))).toEqual([100, 0]);
    expect(counts(turns(1))).toEqual([50, 50]);
    shares.leave(1);
    expect(counts(serve(10))).toEqual([10, 0]);
  });

  test('leave no debt where what is owed comes while the others rest', () => {
    const { shares, serve, counts } = claimants([2, 1], [1, 1]);
    for (let round = 0; round < 50; round++) {
      expect(counts(serve(10))).toEqual([0, 10]);
      shares.leave(1);
      expect(counts(serve(20))).toEqual([20, 0]);
      shares.enter(1);
    }
  });

  test('give no credit for the time in which nothing was wanted', () => {
    const { shares, serve, counts } = claimants([1, 1], [1, 1]);
    shares.leave(1);
    serve(1000);
    shares.enter(1);
    const even = (served: number[]) =>
      expect(Math.abs((counts(served)[0] as number) - 50)).toBeLessThanOrEqual(1);
    even(serve(100));
    shares.leave(0);
    shares.leave(1);
    shares.enter(1);
    serve(10);
    shares.enter(0);
    even(serve(100));
  });

  test('among equals go to the earliest deadline', () => {
    const { shares } = claimants([1, 1], [1, 1], [1, 1]);
    shares.set(0, Share.DEADLINE, 30);
    shares.set(1, Share.DEADLINE, 10);
    shares.set(2, Share.DEADLINE, 20);
    expect(shares.best()).toBe(1);
  });

  test('count what each got, and go to nobody where nobody waits', () => {
    const { shares, serve } = claimants([1, 2]);
    serve(3, 7);
    expect(shares.get(0, Share.TOTAL)).toBe(21);
    shares.leave(0);
    expect(shares.best()).toBe(-1);
  });
});
