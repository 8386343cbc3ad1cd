import { writeFileSync } from 'node:fs';
import {
  type JobInput,
  parseServeConfig,
  runJob,
  type ServeOptions,
  type Server,
  startServer,
} from 'penstock';
import { describe, expect, onTestFinished, test } from 'vitest';
import { repository } from '../cli/penstock.js';
import { OnnxType, onnxModel } from '../helpers/onnx.js';
import { readParts, workspace } from '../helpers/workspace.js';
import { infer } from '../serve/echo.js';
import { type GrpcAnswer, grpcClient } from '../serve/grpc-client.js';

const DIGITS = `${repository}native-models/digits/digits.onnx`;
const IMAGES = `${repository}examples/digits/digits.arrow`;
const PIXELS = 28 * 28;

async function serve(models: object, options: ServeOptions = {}): Promise<Server> {
  const server = await startServer(parseServeConfig({ listen: { port: 0, grpcPort: 0 }, models }), options);
  onTestFinished(() => server.close());
  return server;
}

const floats = (bytes: Uint8Array): Float32Array => new Float32Array(Uint8Array.from(bytes).buffer);

/** What a job makes of the first digits, and their pixels. */
async function digitsByJob(limit: number) {
  const at = workspace();
  const job: JobInput = {
    source: { uri: IMAGES, limit },
    model: { uri: DIGITS },
    inputs: { image: { column: 'pixels', shape: [1, 28, 28], scale: 1 / 255 } },
    sink: { uri: at('out'), keep: ['pixels'] },
  };
  await runJob(job);
  const [table] = await readParts(at('out'));
  const column = (name: string) =>
    Array.from(table?.getChild(name) ?? [], (row) => Float32Array.from(row as Iterable<number>));
  return { pixels: column('pixels'), logits: column('logits') };
}

describe('a server of real models', () => {
  test('gives many clients at once, over HTTP and gRPC, what a job makes of the same rows', async () => {
    const { pixels, logits } = await digitsByJob(96);
    const server = await serve({ digits: { model: { uri: DIGITS }, batch: { size: 32 } } });
    const call = grpcClient(server.grpcUrl);
    const answers = await Promise.all(
      pixels.map(async (image, i) => {
        const shape = [1, 1, 28, 28];
        const data = image.map((pixel) => pixel / 255);
        const bytes = new Uint8Array(data.buffer);
        if (i % 3 === 0) {
          const inputs = [{ name: 'image', datatype: 'FP32', shape }];
          const message = { model_name: 'digits', inputs, raw_input_contents: [bytes] };
          const answer = await call<GrpcAnswer>('ModelInfer', message);
          return floats(answer.raw_output_contents[0] as Buffer);
        }
        if (i % 3 === 1) {
          const inputs = [{ name: 'image', datatype: 'FP32', shape, data: [...data] }];
          const { json } = await infer(server.url, 'digits', { inputs });
          return Float32Array.from(json.outputs?.[0]?.data as number[]);
        }
        const input = {
          name: 'image',
          datatype: 'FP32',
          shape,
          parameters: { binary_data_size: 4 * PIXELS },
        };
        const document = { inputs: [input], parameters: { binary_data_output: true } };
        return floats((await infer(server.url, 'digits', document, { binary: bytes })).binary);
      }),
    );
    answers.forEach((answer, i) => {
      expect(answer).toHaveLength(10);
      answer.forEach((logit, digit) => {
        expect(logit).toBeCloseTo(logits[i]?.[digit] ?? Number.NaN, 3);
      });
    });
    const [stats] = server.engine.stats().endpoints;
    expect(stats).toMatchObject({ name: 'digits', succeeded: 96, rows: 96 });
    expect(stats?.batches).toBeLessThan(96);
  });

  test('takes texts', async () => {
    const at = workspace();
    const operator = {
      operator: 'RegexFullMatch',
      inputs: [{ name: 'text', type: OnnxType.string, dims: ['batch'] }],
      outputs: [{ name: 'matches', type: OnnxType.bool, dims: ['batch'] }],
      attributes: { pattern: 'a.*ä' },
      opset: 20,
    };
    writeFileSync(at('model.onnx'), onnxModel(operator));
    const { url } = await serve({ regex: { model: { uri: at('model.onnx') } } });
    const ask = (...texts: string[]) =>
      infer(url, 'regex', {
        inputs: [{ name: 'text', datatype: 'BYTES', shape: [texts.length], data: texts }],
      });
    const { json } = await ask('a日本ä', 'aä', 'a', '');
    expect(json.outputs).toEqual([
      { name: 'matches', datatype: 'BOOL', shape: [4], data: [true, true, false, false] },
    ]);
    const long = await ask('a'.repeat(1000));
    expect([long.status, long.json.error]).toEqual([
      400,
      expect.stringMatching(/1000 bytes long, and may have/),
    ]);
  });

  test('ends when its signal is aborted', async () => {
    const controller = new AbortController();
    const server = await serve({ digits: { model: { uri: DIGITS } } }, { signal: controller.signal });
    controller.abort();
    await server.closed;
    await expect(fetch(`${server.url}/v2/health/live`)).rejects.toThrow();
  });

  test('does not start where the signal is aborted, nor without its model', async () => {
    const models = { digits: { model: { uri: DIGITS } } };
    await expect(serve(models, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    await expect(serve({ nix: { model: { uri: '/nowhere/nix.onnx' } } })).rejects.toThrow(/nix\.onnx/);
  });
});
