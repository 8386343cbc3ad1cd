import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { load } from '../../../src/session/onnx/load.js';
import { providerNamed } from '../../../src/session/onnx/providers.js';
import { numberedProviders } from '../../../src/session/providers.js';
import type { Session, SessionSpec, TensorView } from '../../../src/session/types.js';
import { DeviceError, StorageError, UsageError } from '../../../src/util/errors.js';
import { readArrow } from '../../helpers/arrow.js';
import { workspace } from '../../helpers/workspace.js';
import { sessionSpec } from '../spec.js';

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const DIGITS = at('native-models/digits/digits.onnx');
const hasCuda = existsSync(
  at('node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so'),
);
const PIXELS = 28 * 28;
const ROWS = 32;

const spec = (changes: Partial<SessionSpec> = {}): SessionSpec => sessionSpec({ uri: DIGITS, ...changes });

async function digits(changes: Partial<SessionSpec> = {}): Promise<Session> {
  const session = await load(spec(changes));
  onTestFinished(() => session.close());
  return session;
}

/** Images of the shipped digits, and their labels. */
function images(rows: number): { pixels: Float32Array; labels: number[] } {
  const table = readArrow(at('examples/digits/digits.arrow'));
  const bytes: Uint8Array = table.getChild('pixels')?.getChildAt(0)?.toArray();
  return {
    pixels: Float32Array.from(bytes.subarray(0, rows * PIXELS), (ink) => ink / 255),
    labels: Array.from(table.getChild('label')?.toArray() ?? []).slice(0, rows) as number[],
  };
}

type Memory = 'private' | 'shared';

function floats(memory: Memory, length: number): Float32Array {
  return new Float32Array(
    memory === 'shared' ? new SharedArrayBuffer(length * 4) : new ArrayBuffer(length * 4),
  );
}

interface Views {
  readonly input: TensorView;
  readonly output: TensorView;
}

/** Views of one batch, with the images in it. */
function views(memory: Memory, rows: number, pixels: Float32Array): Views {
  const data = floats(memory, rows * PIXELS);
  data.set(pixels.subarray(0, rows * PIXELS));
  return {
    input: { name: 'image', dtype: 'float32', dims: [rows, 1, 28, 28], data },
    output: { name: 'logits', dtype: 'float32', dims: [rows, 10], data: floats(memory, rows * 10) },
  };
}

async function logits(session: Session, { input, output }: Views): Promise<number[]> {
  output.data.fill(Number.NaN as never);
  await session.run([input], [output]);
  return Array.from(output.data as Float32Array);
}

const classOf = (row: readonly number[]): number => row.indexOf(Math.max(...row));
const rowsOf = (values: readonly number[]): number[][] =>
  Array.from({ length: values.length / 10 }, (_, row) => values.slice(row * 10, row * 10 + 10));

describe('a run', () => {
  const { pixels, labels } = images(ROWS);

  test('writes the outputs into the views given for them, in place', async () => {
    const values = await logits(await digits(), views('private', ROWS, pixels));
    expect(rowsOf(values).map(classOf)).toEqual(labels);
  });

  test.each([
    ['shared', 'private'],
    ['private', 'shared'],
  ] as [Memory, Memory][])('gives the same over %s memory as, after it, over %s', async (first, second) => {
    const session = await digits();
    const one = await logits(session, views(first, ROWS, pixels));
    const other = await logits(session, views(second, ROWS, pixels));
    expect(other).toEqual(one);
    expect(rowsOf(one).map(classOf)).toEqual(labels);
  });

  test.each(['private', 'shared'] as Memory[])(
    'over %s memory sees what was written there since the last one',
    async (memory) => {
      const session = await digits();
      const reused = views(memory, 8, pixels);
      const first = await logits(session, reused);
      for (const from of [8, 16]) {
        (reused.input.data as Float32Array).set(pixels.subarray(from * PIXELS, (from + 8) * PIXELS));
        const fresh = await logits(session, views(memory, 8, pixels.subarray(from * PIXELS)));
        expect(await logits(session, reused)).toEqual(fresh);
        expect(fresh).not.toEqual(first);
      }
    },
  );

  test('takes batches of any size, as parts of the same memory', async () => {
    const session = await digits();
    const full = views('shared', ROWS, pixels);
    const whole = await logits(session, full);
    for (const rows of [1, 5]) {
      const firstOf = (view: TensorView): TensorView => ({
        ...view,
        dims: [rows, ...view.dims.slice(1)],
        data: view.data.subarray(0, (view.data.length / ROWS) * rows),
      });
      const part = await logits(session, { input: firstOf(full.input), output: firstOf(full.output) });
      part.forEach((value, i) => {
        expect(value).toBeCloseTo(whole[i] as number, 4);
      });
    }
  });

  test('that the model rejects leaves the session usable', async () => {
    const session = await digits();
    const { input, output } = views('shared', 2, pixels);
    const wrong = { ...input, dims: [2, 1, 14, 56] };
    await expect(session.run([wrong], [output])).rejects.toThrow();
    const right = await logits(session, views('shared', 2, pixels));
    expect(rowsOf(right).map(classOf)).toEqual(labels.slice(0, 2));
    await expect(session.run([wrong], [output])).rejects.toThrow();
    expect(await logits(session, views('shared', 2, pixels))).toEqual(right);
  });
});

describe('a session', () => {
  test('tells what the model takes and gives, and what runs it', async () => {
    const session = await digits();
    expect(session.inputs).toEqual([{ name: 'image', dtype: 'float32', dims: ['batch', 1, 28, 28] }]);
    expect(session.outputs).toEqual([{ name: 'logits', dtype: 'float32', dims: ['batch', 10] }]);
    expect(session.device).toMatchObject({ runtime: 'onnx', provider: 'cpu', simulated: false });
    expect(session.warnings).toEqual([]);
  });

  test('finds the dimensions of outputs by running a batch', async () => {
    const { pixels } = images(3);
    const dims = await (await digits()).outputDims([views('private', 3, pixels).input]);
    expect([...dims]).toEqual([['logits', [3, 10]]]);
  });

  test('refuses a provider that there is not, and says which there are', async () => {
    const failure = load(spec({ providers: ['npu', 'cpu'] }));
    await expect(failure).rejects.toBeInstanceOf(UsageError);
    await expect(failure).rejects.toThrow(
      '"npu" is no provider of ONNX Runtime; there are cpu, webgpu, cuda',
    );
  });

  describe.skipIf(hasCuda)('without the libraries of CUDA', () => {
    test('warns that it did not start, and takes the next provider', async () => {
      const session = await digits({ providers: ['cuda', 'cpu'] });
      expect(session.device).toMatchObject({ id: 'cpu', provider: 'cpu' });
      expect(session.warnings).toEqual([
        expect.stringMatching(
          /^provider cuda did not start: .*looked for .*libonnxruntime_providers_cuda\.so\)/,
        ),
      ]);
    });

    test('fails where only it was asked for, and says how to get them', async () => {
      const failure = await load(spec({ providers: ['cuda'] })).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(DeviceError);
      expect((failure as DeviceError).explain()).toContain('--onnxruntime-node-install=cuda12');
    });

    test('fails where no provider starts, and says why of each', async () => {
      const failure = load(spec({ providers: ['tensorrt', 'cuda'] }));
      await expect(failure).rejects.toBeInstanceOf(DeviceError);
      await expect(failure).rejects.toThrow(
        /provider tensorrt did not start: .*; provider cuda did not start/,
      );
    });
  });

  test('is told which device to run on where it numbers them, and the device is named so', () => {
    for (const name of ['cpu', 'webgpu', 'cuda', 'tensorrt', 'dml', 'coreml']) {
      const provider = providerNamed(name);
      const third = spec({ deviceId: 3 });
      const numbers = numberedProviders('onnx').includes(name);
      expect(/:3$/.test(provider.deviceId(third)), name).toBe(numbers);
      expect(provider.config(third)).toEqual(numbers ? { name, deviceId: 3 } : { name });
    }
  });
});

describe('what is no model is refused by its name', () => {
  const failureOf = (uri: string | undefined) => load(spec({ uri })).catch((thrown: unknown) => thrown);

  test('nothing there', async () => {
    const error = await failureOf('absent.onnx');
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({
      message: expect.stringContaining("absent.onnx: the model can't be opened: there is no such file"),
    });
  });

  test('an empty file, a directory, and something else', async () => {
    const path = workspace();
    mkdirSync(path('model'));
    writeFileSync(path('empty.onnx'), '');
    writeFileSync(path('text.onnx'), 'not a model');
    writeFileSync(path('page.onnx'), '<!DOCTYPE html>\n<html><title>404</title></html>\n');
    writeFileSync(path('saved.onnx'), 'PK\x03\x04archive/data.pkl');
    for (const [name, message] of [
      ['model', 'is not a file; expected an ONNX model'],
      ['empty.onnx', 'is empty; expected an ONNX model'],
      ['text.onnx', 'is no model that ONNX Runtime can load'],
      ['page.onnx', 'is an HTML page; expected an ONNX model'],
      ['saved.onnx', 'is a ZIP archive; expected an ONNX model'],
    ] as const) {
      const error = await failureOf(path(name));
      expect(error).toBeInstanceOf(DeviceError);
      expect(error).toMatchObject({ message: expect.stringContaining(`${path(name)}: ${message}`) });
    }
  });

  test('no uri', async () => {
    expect(await failureOf(undefined)).toBeInstanceOf(UsageError);
  });
});
