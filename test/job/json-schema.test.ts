import { readFile } from 'node:fs/promises';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { jobJsonSchema } from '../../src/job/json-schema.js';
import { parseJob } from '../../src/job/load.js';
import { UsageError } from '../../src/util/errors.js';
import { DESIGN_EXAMPLE } from './design-example.js';
import { LEAST } from './job-files.js';

const validate = new Ajv({ strictTypes: false }).compile(jobJsonSchema());

function parses(job: unknown): boolean {
  try {
    parseJob(job);
    return true;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

const SIMULATED = 'source: { uri: a }\nsink: { format: none }\nmodel: { runtime: simulated }\n';

describe('the JSON Schema', () => {
  test.each([
    ['an example of every section', DESIGN_EXAMPLE],
    ['the least job', LEAST],
    ['auto or a number', `${LEAST}producers: 2`],
    ['free names', `${LEAST}inputs: { any name: {} }\noutputs: { y: { as: y } }`],
    ['a simulated device', `${SIMULATED}inputs: { x: { shape: [3] } }`],
    ['a cache', LEAST.replace('a.arrow', 'a.arrow, cache: { dir: c }')],
    [
      'a TensorFlow model',
      LEAST.replace(
        'uri: m.onnx',
        'uri: m, runtime: tensorflow, options: { allowSoftware: true, tags: [serve] }',
      ),
    ],
    [
      'options of ONNX Runtime',
      LEAST.replace(
        'uri: m.onnx',
        'uri: m.onnx, options: { graphOptimizationLevel: basic, freeDimensionOverrides: { batch: 8 }, ' +
          'extra: { session: { a: 1, b: { c: true } } }, webgpu: { preferredLayout: NHWC } }',
      ),
    ],
    ['sessions in processes', LEAST.replace('uri: m.onnx', 'uri: m.onnx, isolation: process')],
    ['buckets', `${LEAST}batch: { lengthColumn: n, buckets: [8, 16] }`],
    ['the first device of any provider', LEAST.replace('m.onnx', 'm.onnx, devices: [0]')],
    ['devices of CUDA', LEAST.replace('m.onnx', 'm.onnx, providers: [cuda, cpu], devices: [3, 0]')],
    [
      'simulated devices',
      `${SIMULATED.replace('simulated', 'simulated, devices: [0, 1]')}inputs: { x: { shape: [3] } }`,
    ],
  ])('takes %s, as the parser does', (_, yaml) => {
    expect(validate(parse(yaml)), JSON.stringify(validate.errors)).toBe(true);
    expect(parses(parse(yaml))).toBe(true);
  });

  test.each([
    ['nothing', '{}'],
    ['an unknown section', `${LEAST}batches: {}`],
    ['an unknown key', `${LEAST}batch: { sizes: 1 }`],
    ['an unknown key of an input', `${LEAST}inputs: { x: { type: int8 } }`],
    ['a word for a number', `${LEAST}batch: { size: many }`],
    ['a number out of range', `${LEAST}ring: { slots: 1 }`],
    ['a cache that is too small', LEAST.replace('a.arrow', 'a.arrow, cache: { dir: c, maxBytes: 1 }')],
    ['a cache of unknown keys', LEAST.replace('a.arrow', 'a.arrow, cache: { dir: c, size: 1 }')],
    ['a fraction', `${LEAST}ring: { slots: 2.5 }`],
    ['an unknown word', `${LEAST}batch: { order: odd }`],
    ['nothing for a section', `${LEAST}batch:`],
    ['a std of 0', `${LEAST}inputs: { x: { std: 0 } }`],
    ['an empty name', `${LEAST}inputs: { "": {} }`],
    ['an output without a column', `${LEAST}outputs: { y: {} }`],
    ['a column twice', LEAST.replace('none', 'none, keep: [id, id]')],
    ['a model without a file', LEAST.replace('uri: m.onnx', '')],
    ['a sink without a place', LEAST.replace('format: none', '')],
    [
      'an unknown option of TensorFlow',
      LEAST.replace('uri: m.onnx', 'uri: m, runtime: tensorflow, options: { software: true }'),
    ],
    [
      'an option of TensorFlow of the wrong type',
      LEAST.replace('uri: m.onnx', 'uri: m, runtime: tensorflow, options: { tags: serve }'),
    ],
    ['devices of the CPU', LEAST.replace('m.onnx', 'm.onnx, devices: [0, 1]')],
    ['a device of WebGPU', LEAST.replace('m.onnx', 'm.onnx, providers: [webgpu], devices: [1]')],
    [
      'devices of TensorFlow',
      LEAST.replace('m.onnx', 'm, runtime: tensorflow, providers: [cuda], devices: [1]'),
    ],
    ['a device twice', LEAST.replace('m.onnx', 'm.onnx, providers: [cuda], devices: [1, 1]')],
    ['a device below zero', LEAST.replace('m.onnx', 'm.onnx, providers: [cuda], devices: [-1]')],
    ['no device at all', LEAST.replace('m.onnx', 'm.onnx, devices: []')],
    [
      'devices beside deviceId',
      LEAST.replace('m.onnx', 'm.onnx, providers: [cuda], devices: [0], options: { deviceId: 0 }'),
    ],
    ['a deviceId that is no number', LEAST.replace('m.onnx', 'm.onnx, options: { deviceId: first }')],
    ...[
      'graphOptimization: all',
      'graphOptimizationLevel: most',
      'intraOpNumThreads: 1.5',
      'freeDimensionOverrides: { batch: 0 }',
      'extra: { a: [1] }',
      'webgpu: { layout: NHWC }',
    ].map((option) => [
      `${option} of ONNX Runtime`,
      LEAST.replace('uri: m.onnx', `uri: m.onnx, options: { ${option} }`),
    ]),
    ['buckets without lengths', `${LEAST}batch: { buckets: [8] }`],
    ['a simulated device without inputs', SIMULATED],
    [
      'an unknown option of the simulated device',
      `${SIMULATED.replace('simulated', 'simulated, options: { x: 1 }')}inputs: { x: { shape: [] } }`,
    ],
  ])('refuses %s, as the parser does', (_, yaml) => {
    expect(validate(parse(yaml))).toBe(false);
    expect(parses(parse(yaml))).toBe(false);
  });

  test('takes the example that ships', async () => {
    const file = new URL('../../examples/digits/job.yaml', import.meta.url);
    expect(validate(parse(await readFile(file, 'utf8'))), JSON.stringify(validate.errors)).toBe(true);
  });

  test('is draft-07, with an id and a title', () => {
    expect(jobJsonSchema()).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
      $id: 'urn:penstock:schema:job',
      title: 'Penstock job file',
    });
  });

  test('describes every key', () => {
    const undescribed: string[] = [];
    const walk = (schema: unknown, path: string): void => {
      if (typeof schema !== 'object' || schema === null) return;
      const { properties, additionalProperties } = schema as Record<string, object | undefined>;
      for (const [key, value] of Object.entries(properties ?? {})) {
        if (!('description' in value)) undescribed.push(path + key);
        walk(value, `${path}${key}.`);
      }
      walk(additionalProperties, `${path}*.`);
    };
    walk(jobJsonSchema(), '');
    expect(undescribed).toEqual([]);
  });

  test('gives the defaults that the parser fills in', () => {
    const job = parseJob(parse(LEAST));
    const { batch, ring, errors } = jobJsonSchema().properties as Record<
      string,
      { properties: Record<string, { default?: unknown }> }
    >;
    for (const [section, schema] of Object.entries({ batch, ring, errors })) {
      const defaults = Object.entries(schema?.properties ?? {}).flatMap(([key, { default: value }]) =>
        value === undefined ? [] : [[key, value]],
      );
      expect(job).toMatchObject({ [section]: Object.fromEntries(defaults) });
    }
  });
});
