import { describe, expect, test } from 'vitest';
import { jobFolder, LEAST } from './job-files.js';

const folder = jobFolder();

/** What is wrong with the least job and these lines after it; they start at line 4. */
const refusalOf = async (lines: string) => (await folder.refusal(LEAST + lines)).message;

describe('a value of the wrong kind', () => {
  test.each([
    ['batch: { size: many }', 'batch.size: expected auto or a whole number from 1 to 32767, got "many"'],
    ['batch: { size: "7" }', 'batch.size: expected auto or a whole number from 1 to 32767, got "7"'],
    ['batch: { size: 1.5 }', 'batch.size: expected auto or a whole number from 1 to 32767, got 1.5'],
    ['batch: { size: 0 }', 'batch.size: expected auto or a whole number from 1 to 32767, got 0'],
    ['batch: { size: 32768 }', 'batch.size: expected auto or a whole number from 1 to 32767, got 32768'],
    ['batch: { size: [1] }', 'batch.size: expected auto or a whole number from 1 to 32767, got a list'],
    ['batch:', 'batch: expected a mapping, got nothing'],
    ['batch: 64', 'batch: expected a mapping, got 64'],
    ['batch: { maxDelayMs: -1 }', 'batch.maxDelayMs: expected a number of milliseconds, 0 or more, got -1'],
    [
      'batch: { maxDelayMs: .inf }',
      'batch.maxDelayMs: expected a number of milliseconds, 0 or more, got Infinity',
    ],
    ['batch: { order: fixt }', 'batch.order: expected any or fixed, got "fixt"; did you mean fixed?'],
    ['ring: { slots: 1 }', 'ring.slots: expected auto or a whole number from 2 to 256, got 1'],
    ['ring: { maxBytes: 0 }', 'ring.maxBytes: expected a whole number, 1 or more, got 0'],
    ['errors: { maxRows: -1 }', 'errors.maxRows: expected a whole number, 0 or more, got -1'],
    ['producers: 0', 'producers: expected auto or a whole number, 1 or more, got 0'],
    ['producers: all', 'producers: expected auto or a whole number, 1 or more, got "all"'],
    ['name: 2024', 'name: expected text, got 2024; did you mean "2024"?'],
    ['name: ""', 'name: expected text, got ""'],
    ['transform: true', 'transform: expected a path or URL of a module, got true; did you mean "true"?'],
    ['inputs: [image]', 'inputs: expected a mapping, got a list'],
    [
      'inputs: { image: pixels }',
      'inputs.image: expected a mapping such as { column: pixels }, got "pixels"',
    ],
    [
      'inputs: { image: { shape: [1, 0] } }',
      'inputs.image.shape[1]: expected a whole number, 1 or more, got 0',
    ],
    ['inputs: { image: { std: 0 } }', 'inputs.image.std must not be 0'],
    [
      'inputs: { a.b: { scale: x } }',
      'inputs["a.b"].scale: expected a number, or a list of one for each channel, got "x"',
    ],
    ['inputs: { "": {} }', 'inputs[""]: a name has at least one character'],
    ['outputs: { y: score }', 'outputs.y: expected a mapping such as { as: score }, got "score"'],
    ['outputs: { y: {} }', 'outputs.y.as is missing: expected a column name'],
  ])('%s is answered with what was expected', async (line, expected) => {
    expect(await refusalOf(line)).toBe(`job.yaml:4: ${expected}`);
  });

  test('is shown short and on one line', async () => {
    const message = await refusalOf(`producers: "${'x'.repeat(1000)}\\n"`);
    expect(message).toMatch(/got "x{59}…"$/);
  });

  test('of a dtype suggests the nearest', async () => {
    expect(await refusalOf('inputs: { x: { dtype: flaot32 } }')).toMatch(
      /got "flaot32"; did you mean float32\?$/,
    );
  });

  test('stands with the line of its own, not of its section', async () => {
    const { message, place } = await folder.refusal(
      `${LEAST}inputs:\n  image:\n    shape:\n      - 1\n      - two\n`,
    );
    expect(message).toBe('job.yaml:8: inputs.image.shape[1]: expected a whole number, 1 or more, got "two"');
    expect(place).toEqual({ file: folder.path('job.yaml'), line: 8, key: 'inputs.image.shape[1]' });
  });
});

describe('a key that is missing', () => {
  test('is looked for in the section that should have it', async () => {
    const { message, place } = await folder.refusal(
      'model:\n  uri: m\nsource:\n  limit: 1\nsink: { format: none }\n',
    );
    expect(message).toBe('job.yaml:3: source.uri is missing: expected a file, directory, glob or URL');
    expect(place).toEqual({ file: folder.path('job.yaml'), line: 3, key: 'source.uri' });
  });

  test('may be a section', async () => {
    expect((await folder.refusal('# a job\nname: x\n')).message.split('\n')).toEqual([
      'job.yaml:2: source is missing: expected a mapping with the uri of the data',
      'job.yaml:2: model is missing: expected a mapping with the uri of a model',
      'job.yaml:2: sink is missing: expected a mapping with the uri to write to',
    ]);
  });
});

describe('an unknown key', () => {
  const KEYS = 'name, source, model, inputs, transform, batch, producers, ring, outputs, sink and errors';

  test.each([
    ['batch: { sizes: 7 }', 'batch.sizes', 'did you mean batch.size?'],
    ['batch: { max_delay_ms: 7 }', 'batch.max_delay_ms', 'did you mean batch.maxDelayMs?'],
    ['size: 7', 'size', 'did you mean batch.size?'],
    ['batchSize: 7', 'batchSize', 'did you mean batch.size?'],
    ['batch.size: 7', '["batch.size"]', 'did you mean batch.size?'],
    ['uri: x', 'uri', 'did you mean source.uri, model.uri or sink.uri?'],
    ['output: {}', 'output', 'did you mean outputs?'],
    ['frobnicate: {}', 'frobnicate', `a job has ${KEYS}`],
    ['ring: { frobnicate: 1 }', 'ring.frobnicate', 'ring has slots, maxBytes and pinned'],
    ['inputs: { x: { dtyp: int8 } }', 'inputs.x.dtyp', 'did you mean inputs.x.dtype?'],
    ['constructor: {}', 'constructor', `a job has ${KEYS}`],
    ['<<: { name: x }', '["<<"]', `a job has ${KEYS}`],
  ])('%s is answered with the one that was meant', async (line, key, expected) => {
    expect(await refusalOf(line)).toBe(`job.yaml:4: ${key} is not a key of a job file; ${expected}`);
  });
});

describe('keys that do not go together', () => {
  test.each([
    ['a model without a file', 'model: {}', 'model.uri is missing: the onnx runtime needs a model to run'],
    [
      'a sink without a place',
      'sink: { keep: [id] }',
      'sink.uri is missing: where to write; only with sink.format none is nothing written',
    ],
    [
      'buckets of nothing',
      'batch: { buckets: [8, 16] }',
      'batch.buckets needs batch.lengthColumn, the column that says how long a row is',
    ],
    [
      'a budget of nothing',
      'batch: { maxTokens: 16 }',
      'batch.maxTokens needs batch.lengthColumn, the column that says how long a row is',
    ],
    [
      'buckets that fall',
      'batch: { lengthColumn: n, buckets: [8, 32, 16] }',
      'batch.buckets must ascend, but 16 comes after 32',
    ],
    [
      'equal buckets',
      'batch: { lengthColumn: n, buckets: [8, 8] }',
      'batch.buckets must ascend, but 8 comes after 8',
    ],
    [
      'no buckets',
      'batch: { lengthColumn: n, buckets: [] }',
      'batch.buckets: expected at least one length, got an empty list',
    ],
    [
      'a budget below a bucket',
      'batch: { lengthColumn: n, buckets: [8, 64], maxTokens: 32 }',
      'batch.maxTokens of 32 cannot hold one row of the longest bucket, 64',
    ],
    [
      'integers with a scale',
      'inputs: { x: { dtype: uint8, scale: 0.5 } }',
      'inputs.x.scale needs a float tensor, and this one is uint8',
    ],
    ['a column kept twice', 'sink: { format: none, keep: [id, id] }', 'sink.keep[1] repeats "id"'],
    [
      'two outputs in one column',
      'outputs: { a: { as: y }, b: { as: y } }',
      'outputs.b.as is "y", a column that outputs.a writes already',
    ],
    [
      'an output in a kept column',
      'outputs: { a: { as: id } }\nsink: { format: none, keep: [id] }',
      'outputs.a.as is "id", a column that sink.keep writes already',
    ],
    [
      'no columns at all',
      'source: { uri: a, columns: [] }',
      'source.columns: expected at least one column name, got an empty list',
    ],
    [
      'a simulated device without inputs',
      'model: { runtime: simulated }',
      'inputs must name the tensors for the simulated runtime',
    ],
    [
      'a mask that names a column',
      'inputs: { m: { from: mask, column: x } }',
      'inputs.m.column is not read for a mask, which is made of batch.lengthColumn',
    ],
    [
      'a preferred size over the batch',
      'batch: { size: 16, preferredSizes: [8, 32] }',
      'batch.preferredSizes has 32, more than batch.size, which is 16',
    ],
    [
      'an option that the simulated device has not',
      'model: { runtime: simulated, options: { rowMicro: 1 } }\ninputs: { x: { shape: [] } }',
      'model.options.rowMicro is not an option of the simulated runtime; did you mean rowMicros?',
    ],
    [
      'a time that is none',
      'model: { runtime: simulated, options: { rowMicros: -1 } }\ninputs: { x: { shape: [] } }',
      'model.options.rowMicros must be a number of microseconds, 0 or more, not -1',
    ],
    [
      'a device said twice over',
      'model: { uri: m, providers: [cuda], devices: [0], options: { deviceId: 0 } }',
      'model.devices and model.options.deviceId exclude each other: devices alone says it all',
    ],
    [
      'devices of a provider that has one',
      'model: { uri: m, providers: [webgpu, cpu], devices: [0, 1] }',
      'model.devices must be [0] or left out: of the providers only cuda, tensorrt and dml can be told which device to run on, and model.providers has none of them',
    ],
    [
      'another device of the default provider',
      'model: { uri: m, devices: [1] }',
      'model.devices must be [0] or left out: of the providers only cuda, tensorrt and dml can be told which device to run on, and model.providers has none of them',
    ],
    [
      'several devices of TensorFlow',
      'model: { uri: m, runtime: tensorflow, providers: [tfjs-node-gpu], devices: [0, 1] }',
      "model.devices must be [0] or left out: the tensorflow runtime can't be told which device to run on",
    ],
    ['a device twice', 'model: { uri: m, providers: [cuda], devices: [1, 1] }', 'model.devices[1] repeats 1'],
    [
      'no devices',
      'model: { uri: m, devices: [] }',
      'model.devices: expected at least one number of a device, got an empty list',
    ],
    [
      'a device by name',
      'model: { uri: m, devices: ["cuda:0"] }',
      'model.devices[0]: expected a whole number, 0 or more, got "cuda:0"',
    ],
    [
      'a device that is not a list',
      'model: { uri: m, devices: 1 }',
      'model.devices: expected a list of numbers of devices, got 1',
    ],
    [
      'a deviceId that is no number',
      'model: { uri: m, options: { deviceId: first } }',
      'model.options.deviceId must be a whole number, 0 or more, not "first"',
    ],
    [
      'an option that ONNX Runtime has not',
      'model: { uri: m, options: { graphOptimisationLevel: all } }',
      'model.options.graphOptimisationLevel is not an option of the onnx runtime; did you mean graphOptimizationLevel?',
    ],
    [
      'an option that another key of the job is for',
      'model: { uri: m, options: { executionProviders: [cuda] } }',
      'model.options.executionProviders is not an option of the onnx runtime; model.providers says it',
    ],
    [
      'a word that an option of ONNX Runtime has not',
      'model: { uri: m, options: { graphOptimizationLevel: most } }',
      'model.options.graphOptimizationLevel must be disabled, basic, extended, layout or all, not "most"',
    ],
    [
      'a number of threads that is none',
      'model: { uri: m, options: { intraOpNumThreads: "2" } }',
      'model.options.intraOpNumThreads must be a whole number, 0 or more, not "2"',
    ],
    [
      'a level that there is not',
      'model: { uri: m, options: { logSeverityLevel: 5 } }',
      'model.options.logSeverityLevel must be a whole number from 0 to 4, not 5',
    ],
    [
      'a dimension without a size',
      'model: { uri: m, options: { freeDimensionOverrides: { batch: 0 } } }',
      'model.options.freeDimensionOverrides.batch must be a whole number, 1 or more, not 0',
    ],
    [
      'a list of dimensions',
      'model: { uri: m, options: { freeDimensionOverrides: [batch] } }',
      'model.options.freeDimensionOverrides must be a mapping of names of dimensions to sizes, not a list',
    ],
    [
      'an entry of the configuration that is none',
      'model: { uri: m, options: { extra: { session: { a: [1] } } } }',
      'model.options.extra.session.a must be text, a number, true or false, or a mapping of such, not a list',
    ],
    [
      'an option that webgpu has not',
      'model: { uri: m, options: { webgpu: { layout: NHWC } } }',
      'model.options.webgpu.layout is not an option of webgpu; it has preferredLayout, forceCpuNodeNames, validationMode, enableRobustness, storageBufferCacheMode, uniformBufferCacheMode, queryResolveBufferCacheMode and defaultBufferCacheMode',
    ],
    [
      'a secret in the file',
      'source: { uri: a, storage: { secret_access_key: hush } }',
      'source.storage.secret_access_key is a secret, and secrets come from the environment only: take it out of the job file',
    ],
  ])('%s is refused', async (_, lines, expected) => {
    const sections = new Map(
      [LEAST, lines].flatMap((text) =>
        text
          .trim()
          .split('\n')
          .map((line) => [line.split(':')[0], line]),
      ),
    );
    const { message } = await folder.refusal([...sections.values()].join('\n'));
    expect(message.replace(/^job\.yaml:\d: /, '')).toBe(expected);
  });

  test('may leave out of source.columns what other keys need: it is read all the same', async () => {
    const text = `
source: { uri: a, columns: [id] }
model: { uri: m }
inputs: { image: { column: pixels } }
sink: { format: none, keep: [label] }`;
    expect((await folder.load(text)).source.columns).toEqual(['id']);
  });
});

test('all that is wrong is said at once, in the order of the file, the first giving the place', async () => {
  const text = `
sink: { format: paper }
batch:
  order: odd
  size: 0
  pace: 3
source: {}
model: { uri: m.onnx }
`;
  const { message, place } = await folder.refusal(text);
  expect(message.split('\n')).toEqual([
    'job.yaml:2: sink.format: expected arrow, parquet, jsonl or none, got "paper"',
    'job.yaml:4: batch.order: expected any or fixed, got "odd"',
    'job.yaml:5: batch.size: expected auto or a whole number from 1 to 32767, got 0',
    'job.yaml:6: batch.pace is not a key of a job file; batch has size, maxDelayMs, order, lengthColumn, buckets, maxTokens and preferredSizes',
    'job.yaml:7: source.uri is missing: expected a file, directory, glob or URL',
  ]);
  expect(place).toEqual({ file: folder.path('job.yaml'), line: 2, key: 'sink.format' });
});
