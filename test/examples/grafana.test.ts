import { readFileSync } from 'node:fs';
import { parseServeConfig, startServer } from 'penstock';
import { beforeAll, describe, expect, test } from 'vitest';
import { repository } from '../cli/penstock.js';
import { parseExposition, type ScrapedFamily } from '../serve/exposition.js';

const FILE = `${repository}examples/grafana/penstock.json`;
const dashboard: unknown = JSON.parse(readFileSync(FILE, 'utf8'));

/** The values of a key, wherever it is in the document. */
function valuesOf(key: string, part: unknown = dashboard): string[] {
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([name, value]) =>
    name === key && typeof value === 'string' ? [value] : valuesOf(key, value),
  );
}

const EXPRESSIONS = valuesOf('expr');
const VARIABLES = valuesOf('definition');

const FUNCTIONS = new Set(['sum', 'avg', 'count', 'rate', 'changes', 'histogram_quantile', 'label_values']);
const KEYWORDS = new Set([
  'by',
  'without',
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'and',
  'or',
  'unless',
]);

interface Read {
  readonly metrics: { readonly name: string; readonly matchers: Record<string, string> }[];
  /** By which it groups and joins. */
  readonly labels: string[];
}

/** The metrics and labels of an expression of PromQL, as far as the dashboard uses it; what it does not know is an error. */
function read(expression: string): Read {
  const found: Read = { metrics: [], labels: [] };
  const tokens =
    /"[^"]*"|\[[^\]]*\]|\{[^}]*\}|(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)|[A-Za-z_:][\w:]*|[\d.]+|[()+\-*/,><=!]+|\s+/gy;
  for (let at = 0; at < expression.length; at = tokens.lastIndex) {
    tokens.lastIndex = at;
    const [token] = tokens.exec(expression) ?? [];
    if (token === undefined) throw new Error(`${expression}: what is ${expression.slice(at)}`);
    const [, list] = /^[a-z_]+\s*\(([^)]*)\)$/.exec(token) ?? [];
    if (list !== undefined) {
      found.labels.push(
        ...list
          .split(',')
          .map((label) => label.trim())
          .filter((label) => label !== ''),
      );
    } else if (token.startsWith('{')) {
      const matchers = Object.fromEntries(
        token
          .slice(1, -1)
          .split(',')
          .map((matcher) => /^(\w+)(?:=~|!~|!=|=)"(.*)"$/.exec(matcher)?.slice(1) as [string, string]),
      );
      Object.assign(found.metrics.at(-1)?.matchers ?? {}, matchers);
    } else if (/^[A-Za-z_]/.test(token) && !FUNCTIONS.has(token) && !KEYWORDS.has(token)) {
      found.metrics.push({ name: token, matchers: {} });
    }
  }
  return found;
}

/** Labels that Prometheus adds. */
const ADDED = new Set(['instance', 'job', 'le']);

describe('the dashboard for Grafana', () => {
  let families: Map<string, ScrapedFamily>;
  let samples: ScrapedFamily['samples'];

  beforeAll(async () => {
    const config = parseServeConfig({
      listen: { port: 0, grpcPort: null },
      models: {
        wide: {
          model: { runtime: 'simulated', options: { batchMicros: 100, rowMicros: 1 } },
          inputs: { x: { dtype: 'float32', shape: [2] } },
        },
      },
    });
    const server = await startServer(config);
    await fetch(`${server.url}/v2/models/wide/infer`, {
      method: 'POST',
      body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] }),
    });
    families = parseExposition(await (await fetch(`${server.url}/metrics`)).text());
    samples = [...families.values()].flatMap((family) => family.samples);
    await server.close();
  });

  test('asks for metrics that there are, by labels that they have', () => {
    expect(EXPRESSIONS.length).toBeGreaterThan(25);
    for (const expression of EXPRESSIONS) {
      const { metrics } = read(expression);
      expect(metrics.length, expression).toBeGreaterThan(0);
      for (const { name, matchers } of metrics) {
        const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
        expect(family, `${name} in ${expression}`).toBeDefined();
        // A server without jobs has none to tell of.
        if (name.startsWith('penstock_job_')) continue;
        const own = samples.filter((sample) => sample.name === name);
        expect(own.length, name).toBeGreaterThan(0);
        for (const [label, value] of Object.entries(matchers)) {
          if (ADDED.has(label)) continue;
          const there = own.map(({ labels }) => labels[label]);
          expect(there, `${label} of ${name}`).not.toContain(undefined);
          if (!value.startsWith('$')) expect(there, `${label} of ${name}`).toContain(value);
        }
      }
    }
  });

  test('groups by labels that the metrics have, and names series after them', () => {
    const known = new Set(samples.flatMap(({ labels }) => Object.keys(labels)));
    for (const label of [...ADDED, 'job_name', 'state']) known.add(label);
    for (const expression of EXPRESSIONS)
      for (const label of read(expression).labels) expect(known, expression).toContain(label);
    for (const legend of valuesOf('legendFormat'))
      for (const [, label] of legend.matchAll(/\{\{(\w+)\}\}/g)) expect(known, legend).toContain(label);
  });

  test('offers values of labels that there are', () => {
    expect(VARIABLES).toHaveLength(3);
    for (const definition of VARIABLES) {
      const [, name = '', label = ''] = /^label_values\((\w+)(?:\{.*\})?, (\w+)\)$/.exec(definition) ?? [];
      const own = samples.filter((sample) => sample.name === name);
      expect(own.length, definition).toBeGreaterThan(0);
      if (!ADDED.has(label)) expect(own[0]?.labels, definition).toHaveProperty(label);
    }
  });

  test('shows every metric of Penstock but those that say the same in other words', () => {
    const used = new Set(EXPRESSIONS.concat(VARIABLES).flatMap((text) => text.match(/penstock_\w+/g) ?? []));
    const shown = (name: string): boolean => [name, `${name}_bucket`].some((one) => used.has(one));
    const missing = [...families.keys()].filter((name) => name.startsWith('penstock_') && !shown(name));
    expect(missing).toEqual([]);
  });

  test('has panels that do not overlap, with an id each', () => {
    const { panels } = dashboard as {
      panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[];
    };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const {
      gridPos: { x, y, w, h },
    } of panels) {
      expect(x + w).toBeLessThanOrEqual(24);
      for (let i = x; i < x + w; i++) {
        for (let j = y; j < y + h; j++) {
          expect(taken.has(`${i},${j}`)).toBe(false);
          taken.add(`${i},${j}`);
        }
      }
    }
  });
});
