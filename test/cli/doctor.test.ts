import { delimiter, dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { NO_SWIFTSHADER } from '../helpers/swiftshader.js';
import { workspace } from '../helpers/workspace.js';
import { compileStub } from '../measure/gpu/stub.js';
import { compileCudaStub } from '../session/pinned/stub.js';
import { CRASH, failing, inTasks, without } from './doctor-preload.js';
import { type Ended, penstock, start } from './penstock.js';

const posix = process.platform !== 'win32';
/** No GPU of this machine, and no Vulkan driver. */
const NO_GPU = { PATH: dirname(process.execPath), VK_ICD_FILENAMES: '/nowhere', VK_DRIVER_FILES: '/nowhere' };

const doctor = (env: Record<string, string>, ...flags: string[]): Promise<Ended> =>
  start(['doctor', ...flags], { env: { ...NO_GPU, ...env } }).ended;

/** Wrapped lines are one again. */
const unwrapped = (text: string): string => text.replaceAll(/\s+/g, ' ');

describe('doctor', () => {
  test('says for people what works, what does not, and what to do', async () => {
    const { code, stdout, stderr } = await doctor({});
    expect(code).toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^Penstock \d+\.\d+\.\d+\n/);
    expect(stderr).toContain(`  ✓ Node.js     ${process.versions.node} (${process.platform} ${process.arch}`);
    expect(stderr).toMatch(/\n {2}✓ cpu {9}right results; starts in [\d.]+ ms, a run takes [\d.]+ ms\n/);
    expect(stderr).toMatch(/\n {2}– NVIDIA {6}no GPU: /);
    expect(stderr).toMatch(/\n {2}– webgpu {6}no adapter/);
    expect(stderr).toMatch(/\n {2}– cuda {8}/);
    expect(stderr).toMatch(/\n {2}✓ koffi +\d+\.\d+\.\d+: for asking/);
    expect(stderr).toMatch(/Models run here on cpu\.\n$/);
    for (const line of stderr.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  test.skipIf(!posix)(
    'what crashes, is missing or does not load is said to, and takes nothing with it',
    async () => {
      const at = workspace();
      const env = inTasks(at('preload.mjs'), {
        'provider webgpu': CRASH,
        'package opendal': without('opendal'),
        'package koffi': failing('koffi', 'libm.so.6: version GLIBC_2.38 not found'),
      });
      const { code, stderr } = await doctor(env);
      expect(code).toBe(0);
      const text = unwrapped(stderr);
      expect(text).toContain('✓ cpu right results');
      expect(text).toContain(
        '✗ webgpu it crashed: its process was ended by SIGSEGV → Leave webgpu out of model.providers: a job would go down with it.',
      );
      expect(text).toContain(
        '– opendal not installed: for data in S3, Google Cloud Storage, Azure and behind HTTP → npm install opendal@0.49.2',
      );
      expect(text).toMatch(
        /✗ koffi does not load: libm\.so\.6: version GLIBC_2\.38 not found \(for asking NVIDIA's driver .*?\) → npm install koffi@/,
      );
    },
  );

  test.skipIf(!posix)(
    'where not even the CPU works, the exit code is 1; --json prints one document, with the signal',
    async () => {
      const at = workspace();
      const { code, stdout, stderr } = await doctor(
        inTasks(at('preload.mjs'), { 'provider cpu': CRASH }),
        '--json',
      );
      expect(code).toBe(1);
      expect(stderr).toBe('');
      const diagnosis = JSON.parse(stdout);
      expect(diagnosis).toMatchObject({
        ok: false,
        probeLimitSeconds: 30,
        machine: {
          node: process.versions.node,
          cpu: { cores: expect.any(Number) },
          memory: { totalBytes: expect.any(Number) },
        },
        gpus: { status: 'absent', devices: [] },
        adapter: { status: 'absent', software: false },
        onnxruntime: { version: expect.stringMatching(/^1\./) },
      });
      const { providers } = diagnosis;
      const names = providers.map(({ name }: { name: string }) => name);
      expect(names.slice(0, 4)).toEqual(['cpu', 'webgpu', 'cuda', 'tensorrt']);
      for (const { todo } of [...providers, ...diagnosis.packages]) expect(todo).toEqual(expect.any(Array));
      expect(providers[0]).toMatchObject({ name: 'cpu', status: 'broken', signal: 'SIGSEGV', runMs: null });
    },
  );

  test.skipIf(process.platform !== 'linux')(
    'webgpu runs for real on SwiftShader, which is named as what it is',
    async (context) => {
      const driver = process.env.PENSTOCK_TEST_SWIFTSHADER;
      if (!driver) return context.skip(NO_SWIFTSHADER);
      const { code, stdout } = await doctor(
        {
          VK_ICD_FILENAMES: driver,
          VK_DRIVER_FILES: driver,
          // The Vulkan loader, should the system have none.
          LD_LIBRARY_PATH: [process.env.LD_LIBRARY_PATH, dirname(driver)].filter(Boolean).join(delimiter),
        },
        '--json',
      );
      expect(code).toBe(0);
      const { adapter, providers } = JSON.parse(stdout);
      expect(adapter).toMatchObject({ status: 'ok', architecture: 'swiftshader', software: true });
      expect(adapter.detail).toContain('over Vulkan, a software adapter');
      expect(providers[1]).toMatchObject({ name: 'webgpu', status: 'ok', software: true });
    },
  );

  test.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
    'a GPU host without the CUDA provider is told which file was looked for and how to get it',
    async (context) => {
      const at = workspace();
      compileStub(context, at('libnvidia-ml.so.1'));
      compileCudaStub(context, at('libcuda.so.1'));
      const { stderr } = await doctor({ LD_LIBRARY_PATH: at('.') });
      const text = unwrapped(stderr);
      expect(text).toContain(
        '✓ NVIDIA NVIDIA Stub H100 (85.9 GB), NVIDIA Stub T4 (85.9 GB); driver 550.54.15, runs CUDA up to 12.4',
      );
      expect(text).toContain("which wants CUDA 13, update NVIDIA's driver to 580 or later.");
      expect(text).toMatch(/✓ pinned NVIDIA's driver has registered 16 MiB in [\d.]+ ms/);
      expect(text).toMatch(
        /– cuda its library is not installed: looked for \S+\/libonnxruntime_providers_shared\.so/,
      );
      expect(text).toContain('→ npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12');
      expect(text).toContain('– cuDNN 9 not found: libcudnn.so.9; looked along LD_LIBRARY_PATH');
      expect(text).toContain('apt-get install libcudnn9-cuda-13');
    },
  );

  test('its help says what the exit codes mean', async () => {
    const { code, stdout } = await penstock('doctor', '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('No probe takes longer than 30 seconds.');
  });
});
