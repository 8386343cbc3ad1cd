import { describe, expect, test } from 'vitest';
import { loadServeConfig, parseServeConfig, serveJsonSchema } from '../../src/serve/config.js';
import { jobFolder, thrownBy } from '../job/job-files.js';

const folder = jobFolder();

const refusal = async (text: string, set: readonly string[] = []): Promise<string> => {
  const file = await folder.write(text, 'serve.yaml');
  const { message } = await thrownBy(() => loadServeConfig(file, { set }));
  return message
    .replaceAll(folder.path(''), '')
    .replaceAll(file, 'serve.yaml')
    .replaceAll('/serve.yaml', 'serve.yaml');
};

const LEAST = 'models: { digits: { model: { uri: m.onnx } } }\n';

describe('a serve configuration', () => {
  test('needs one model only: the rest is filled in, and paths start at its folder', async () => {
    const file = await folder.write(LEAST, 'front.yaml');
    expect(await loadServeConfig(file)).toEqual({
      name: 'front',
      listen: { host: '127.0.0.1', port: 8000, grpcPort: 8001 },
      http: { maxBodyBytes: 67_108_864 },
      models: {
        digits: {
          model: {
            uri: folder.path('m.onnx'),
            runtime: 'onnx',
            providers: ['cpu'],
            instances: 'auto',
            isolation: 'thread',
            runTimeoutMs: 600_000,
            options: {},
          },
          inputs: {},
          batch: { size: 64, maxDelayMs: 0, preferredSizes: [] },
          queue: { maxRows: 1024, maxBytes: 268_435_456 },
          endpoints: { digits: { priority: 1, weight: 1, deadlineMs: null } },
        },
      },
      log: { level: 'info', requests: false },
      jobs: [],
    });
  });

  test('takes every key, and what it returns again', async () => {
    const text = `
name: shop
listen: { host: '::1', port: 0, grpcPort: null }
http: { maxBodyBytes: 1000 }
models:
  a:
    model: { runtime: simulated, instances: 2, options: { batchMicros: 5 } }
    inputs: { x: { shape: [3] } }
    batch: { size: auto, maxDelayMs: 1.5, preferredSizes: [1, 8] }
    queue: { maxRows: 10, maxBytes: 1000 }
    endpoints:
      fast: { priority: 1, weight: 2, deadlineMs: 50 }
      slow: { priority: 2, deadlineMs: null }
log: { level: debug, requests: true }
jobs: [{ job: nightly.yaml, weight: 0.5, quantumMs: 10 }, { job: other.yaml }]
`;
    const config = await loadServeConfig(await folder.write(text, 'serve.yaml'));
    expect(config).toMatchObject({
      name: 'shop',
      listen: { host: '::1', port: 0, grpcPort: null },
      models: {
        a: {
          inputs: { x: { dtype: 'float32', shape: [3] } },
          endpoints: {
            fast: { priority: 1, weight: 2, deadlineMs: 50 },
            slow: { priority: 2, weight: 1, deadlineMs: null },
          },
        },
      },
      jobs: [
        { job: folder.path('nightly.yaml'), weight: 0.5, quantumMs: 10 },
        { job: folder.path('other.yaml'), weight: 1, quantumMs: 20 },
      ],
    });
    expect(parseServeConfig(config)).toEqual(config);
  });

  test('takes overrides, and says so where one is wrong', async () => {
    const file = await folder.write(LEAST, 'serve.yaml');
    const config = await loadServeConfig(file, { set: ['listen.port=0', 'models.digits.batch.size=8'] });
    expect([config.listen.port, config.models.digits?.batch.size]).toEqual([0, 8]);
    expect(await refusal(LEAST, ['listen.port=x'])).toBe(
      '--set listen.port=x: listen.port: expected a whole number from 0 to 65535, got "x"',
    );
  });

  test('is refused with the line and the key of each fault, and what was meant', async () => {
    expect(
      await refusal('models:\n  a:\n    model: { uri: m.onnx }\n    queu: {}\nlisten: { prt: 1 }\n'),
    ).toBe(
      'serve.yaml:4: models.a.queu is not a key of a serve configuration; did you mean models.a.queue?\n' +
        'serve.yaml:5: listen.prt is not a key of a serve configuration; did you mean listen.port?',
    );
    expect(await refusal('listen: {}\n')).toBe('serve.yaml:1: models is missing: expected a mapping');
    expect(await refusal('models: {}\n')).toBe('serve.yaml:1: models is empty: name at least one model');
    expect(await refusal('- 1\n')).toBe(
      'serve.yaml:1: a configuration is a mapping of the keys name, listen, http, models, log and jobs, got a list',
    );
    expect(await refusal('models:\n  a: { model: { runtime: simulated } }')).toBe(
      'serve.yaml:2: models.a.inputs must name the tensors for the simulated runtime',
    );
    expect(await refusal('models:\n  a: { model: { runtime: simulated }, inputs: { x: {} } }')).toBe(
      'serve.yaml:2: models.a.inputs.x.shape is missing: the simulated runtime has no model that tells it',
    );
    expect(await refusal(`${LEAST}jobs:\n  - { job: a.yaml, weight: 0 }`)).toBe(
      'serve.yaml:3: jobs[0].weight: expected a number above 0, got 0',
    );
  });

  test('has endpoints with names for URLs, each once', async () => {
    expect(await refusal('models:\n  "a/b": { model: { uri: m.onnx } }')).toBe(
      'serve.yaml:2: models["a/b"] is not a name that a URL can have: letters, digits, «.», «_» and «-»',
    );
    const twice =
      'models:\n  a: { model: { uri: m.onnx } }\n  b:\n    model: { uri: n.onnx }\n    endpoints: { a: {} }\n';
    expect(await refusal(twice)).toBe(
      'serve.yaml:5: models.b.endpoints.a is an endpoint of the model "a" already',
    );
  });

  test('has a JSON Schema', () => {
    expect(serveJsonSchema()).toMatchObject({ required: ['models'], additionalProperties: false });
  });
});
