import { describe, expect, test } from 'vitest';
import { isSoftwareAdapter } from '../../../src/session/webgpu-adapter.js';
import { DeviceError } from '../../../src/util/errors.js';
import { additionGraph } from '../../helpers/graph-model.js';
import { NO_SWIFTSHADER, useSwiftshader } from '../../helpers/swiftshader.js';
import { workspace } from '../../helpers/workspace.js';
import { GRAPH, open, view } from './models.js';

const swiftshader = useSwiftshader();
const WEBGPU = { providers: ['webgpu'], options: { allowSoftware: true } };

describe('engines are tried in the order given', () => {
  test('and each that does not run is a warning with its reason', async () => {
    const session = await open(GRAPH, { providers: ['cuda', 'tfjs-node-gpu', 'tfjs-node', 'wasm'] });
    expect(session.device).toEqual({
      id: 'cpu',
      runtime: 'tensorflow',
      provider: 'wasm',
      simulated: false,
      gpu: false,
    });
    expect(session.warnings).toEqual([
      'provider cuda: is no engine of TensorFlow',
      'provider tfjs-node-gpu: the package @tensorflow/tfjs-node-gpu is not installed',
      'provider tfjs-node: the package @tensorflow/tfjs-node is not installed',
    ]);
  });

  test('and where none runs, that is the error', async () => {
    const refused = open(GRAPH, { providers: ['cpu', 'tfjs-node'] });
    await expect(refused).rejects.toBeInstanceOf(DeviceError);
    await expect(refused).rejects.toThrow(
      'no provider could be started: cpu: is no engine of TensorFlow; tfjs-node: the package @tensorflow/tfjs-node is not installed',
    );
  });

  test('and those that run no SavedModels are passed over for one', async () => {
    await expect(open(`${GRAPH}/../saved-model`, { providers: ['tfjs-node', 'wasm'] })).rejects.toThrow(
      /is a SavedModel, which only tfjs-node-gpu and tfjs-node can run: tfjs-node: the package .* is not installed; wasm: runs no SavedModels/,
    );
  });
});

describe('webgpu', () => {
  test('is passed over on a software adapter, unless the job allows one', async (context) => {
    context.skip(!swiftshader, NO_SWIFTSHADER);
    const fallen = await open(GRAPH, { providers: ['webgpu', 'wasm'] });
    expect(fallen.device.provider).toBe('wasm');
    expect(fallen.warnings).toEqual([
      expect.stringMatching(/^provider webgpu: the only adapter is SwiftShader.*, which is software/),
    ]);
    const allowed = await open(GRAPH, { providers: ['webgpu', 'wasm'], options: { allowSoftware: true } });
    expect(allowed.device).toMatchObject({ id: 'webgpu:0', provider: 'webgpu', gpu: false });
    expect(allowed.warnings).toEqual([expect.stringMatching(/^webgpu runs on SwiftShader.*no GPU is used$/)]);
  });

  test('computes beside wasm in one thread', async (context) => {
    context.skip(!swiftshader, NO_SWIFTSHADER);
    const folder = additionGraph(workspace()('m'));
    const sessions = [await open(folder), await open(folder, WEBGPU)];
    for (let batch = 0; batch < 3; batch++) {
      for (const session of sessions) {
        const y = view('y', 'float32', [1, 3]);
        await session.run([view('x', 'float32', [1, 3], [batch, 2, 3])], [y]);
        expect([...y.data]).toEqual([batch + 10, 22, 33]);
      }
    }
  });

  test('leaves no tensors behind', async (context) => {
    context.skip(!swiftshader, NO_SWIFTSHADER);
    const tf = await import('@tensorflow/tfjs-core');
    const session = await open(additionGraph(workspace()('m')), WEBGPU);
    const [x, y] = [view('x', 'float32', [64, 3]), view('y', 'float32', [64, 3])];
    await session.run([x], [y]);
    const { numTensors } = tf.memory();
    const gpuBytes = (): number => (tf.memory() as unknown as { numBytesInGPU: number }).numBytesInGPU;
    const before = gpuBytes();
    for (let batch = 0; batch < 200; batch++) await session.run([x], [y]);
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(gpuBytes()).toBe(before);
  });

  test.each([
    [
      'SwiftShader',
      { vendor: 'google', architecture: 'swiftshader', description: 'SwiftShader driver 5.0.0' },
    ],
    ['llvmpipe', { vendor: 'mesa', architecture: '', description: 'llvmpipe (LLVM 15.0.6, 256 bits)' }],
    ['WARP', { vendor: 'microsoft', architecture: '', description: 'Microsoft Basic Render Driver' }],
    ['a fallback', { vendor: '', architecture: '', description: '', isFallbackAdapter: true }],
  ])('knows %s to be software', (_, info) => {
    expect(isSoftwareAdapter(info)).toBe(true);
  });

  test.each([
    { vendor: 'nvidia', architecture: 'ampere', description: 'NVIDIA A10' },
    {
      vendor: 'amd',
      architecture: 'rdna-2',
      description: 'AMD Radeon (RADV NAVI21)',
      isFallbackAdapter: false,
    },
    { vendor: 'intel', architecture: 'gen-12lp', description: 'Intel(R) Iris(R) Xe Graphics (TGL GT2)' },
    { vendor: 'apple', architecture: 'metal-3', description: 'Apple M2' },
  ])('knows $description to be none', (info) => {
    expect(isSoftwareAdapter(info)).toBe(false);
  });
});
