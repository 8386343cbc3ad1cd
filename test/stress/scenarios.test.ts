import { describe, expect, test } from 'vitest';
import { parseServeConfig } from '../../src/serve/config.js';
import { arrivalsWithin } from '../../src/stress/arrivals/arrivals.js';
import { SCENARIOS, scenariosOf } from '../../src/stress/scenarios/scenarios.js';
import type { ScenarioContext, ScenarioSetting, Subject } from '../../src/stress/scenarios/types.js';
import { mainEndpoint, rivalOf } from '../../src/stress/subjects.js';

const MODEL = { model: { runtime: 'simulated', options: { rowMicros: 10 } }, inputs: { x: { shape: [4] } } };
const CONFIG = parseServeConfig({
  models: {
    sim: { ...MODEL, endpoints: { bulk: { priority: 2 }, online: { priority: 1, deadlineMs: 50 } } },
  },
});
const request = { endpoint: 'online', inputs: [{ name: 'x', datatype: 'FP32', shape: [4] }] };
const MAIN: Subject = { endpoint: 'online', model: 'sim', request, deadlineMs: 50, capacity: 1000 };
const RIVAL: Subject = { ...MAIN, endpoint: 'bulk', deadlineMs: null };
const CONTEXT: ScenarioContext = {
  config: CONFIG,
  main: MAIN,
  rival: RIVAL,
  trace: undefined,
  traced: [MAIN],
  seconds: 10,
  rows: 1,
  seed: 1,
};
const SETTING: ScenarioSetting = {
  config: CONFIG,
  main: MAIN,
  hasRival: true,
  hasTrace: false,
  noStorage: undefined,
};

const planOf = (name: string) => {
  const [scenario] = scenariosOf([name]);
  if (scenario === undefined) throw new RangeError(name);
  return scenario.plan(CONTEXT);
};
/** How many requests are due within a stretch of time, of each stream. */
const due = (name: string, from = 0, to = 10): number[] =>
  planOf(name).streams.map(
    ({ arrivals, seed }) => arrivalsWithin(arrivals, 10, seed).filter((at) => at >= from && at < to).length,
  );

describe('scenarios', () => {
  test.each([
    ['steady-30', 3000],
    ['steady-50', 5000],
    ['steady-80', 8000],
    ['steady-95', 9500],
    ['overload', 20000],
    ['ramp', 8000],
    ['burst', 3000 * 0.9 + 30000 * 0.1],
    ['job', 3000],
    ['crash', 5000],
  ])('%s offers its share of what Penstock can do: %i requests', (name, expected) => {
    const [count = 0] = due(name);
    expect(Math.abs(count / expected - 1)).toBeLessThan(0.05);
  });

  test('a burst is ten times the calm around it, in the middle', () => {
    const [before = 0] = due('burst', 0, 4.5);
    const [burst = 0] = due('burst', 4.5, 5.5);
    const [after = 0] = due('burst', 5.5, 10);
    expect(burst / (before / 4.5)).toBeGreaterThan(9);
    expect(burst / (after / 4.5)).toBeGreaterThan(9);
  });

  test('competing streams are two, independent, with a deadline of their own, together more than there is', () => {
    const { streams } = planOf('competing');
    expect(streams.map(({ name, deadlineMs }) => [name, deadlineMs])).toEqual([
      ['online', 50],
      ['bulk', null],
    ]);
    const [first = 0, second = 0] = due('competing');
    expect(first).not.toBe(second);
    expect(first + second).toBeGreaterThan(11_000);
  });

  test('a fault happens to the model of the endpoint, in a process of its own, while it is asked', () => {
    const { fault, config } = planOf('hang');
    expect(fault).toEqual({ kind: 'hang', model: 'sim', atSeconds: 3 });
    expect(config?.models.sim?.model).toMatchObject({ isolation: 'process', runTimeoutMs: 1000 });
    expect(CONFIG.models.sim?.model.isolation).toBe('thread');
  });

  test('what a configuration can’t have is left out, and why is told', () => {
    const why = (setting: ScenarioSetting) =>
      Object.fromEntries(SCENARIOS.map(({ name, impossible }) => [name, impossible?.(setting)]));
    expect(why(SETTING)).toMatchObject({ 'steady-80': undefined, competing: undefined, job: undefined });
    expect(why(SETTING).trace).toContain('--trace FILE');
    expect(why({ ...SETTING, hasRival: false }).competing).toContain('two endpoints');
    expect(why({ ...SETTING, noStorage: 'no opendal' })['slow-storage']).toBe('no opendal');
    const texts = {
      ...MAIN,
      request: { endpoint: 'online', inputs: [{ name: 't', datatype: 'BYTES', shape: [] }] },
    };
    expect(why({ ...SETTING, main: texts }).job).toContain('t is BYTES');
  });

  test('are chosen by name, in their own order; a name that is none is refused', () => {
    expect(scenariosOf(['overload', 'steady-30']).map(({ name }) => name)).toEqual(['steady-30', 'overload']);
    expect(() => scenariosOf(['steady80'])).toThrow('there is no scenario steady80; did you mean steady-80?');
  });
});

describe('endpoints', () => {
  test('requests go to the first of those whose class comes first, or where it is said', () => {
    expect(mainEndpoint(CONFIG, undefined)).toMatchObject({ name: 'online', model: 'sim' });
    expect(mainEndpoint(CONFIG, 'bulk')).toMatchObject({ name: 'bulk' });
    expect(() => mainEndpoint(CONFIG, 'onlin')).toThrow('there is no endpoint onlin; did you mean online?');
  });

  test('the rival is one of another class where there is one', () => {
    const two = parseServeConfig({
      models: {
        a: { ...MODEL, endpoints: { one: {}, same: {}, heavier: { weight: 3 } } },
        b: { ...MODEL, endpoints: { later: { priority: 3 } } },
      },
    });
    expect(rivalOf(two, mainEndpoint(two, 'one'))?.name).toBe('later');
    expect(rivalOf(CONFIG, mainEndpoint(CONFIG, 'bulk'))?.name).toBe('online');
    const one = parseServeConfig({ models: { a: MODEL } });
    expect(rivalOf(one, mainEndpoint(one, undefined))).toBeUndefined();
  });
});
