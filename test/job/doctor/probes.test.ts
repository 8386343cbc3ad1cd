import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { tryLibrary } from '../../../src/job/doctor/child/library.js';
import { TINY_INPUT, tinyExpected, tinyModel } from '../../../src/job/doctor/child/tiny-model.js';
import { neededLibraries } from '../../../src/job/doctor/elf.js';
import { workspace } from '../../helpers/workspace.js';

const onLinux = test.skipIf(process.platform !== 'linux');

test('the tiny model is one that ONNX Runtime loads, and its results are the expected ones', async () => {
  const session = await InferenceSession.create(tinyModel());
  expect(session.inputMetadata).toMatchObject([{ name: 'x', type: 'float32', shape: [2, 4] }]);
  const { data, dims } = TINY_INPUT;
  const { y } = await session.run({ x: new Tensor('float32', data, dims) });
  expect(Array.from(y?.data as Float32Array)).toEqual(tinyExpected());
  const distinct = new Set(tinyExpected());
  expect(distinct.size, 'a device that writes zeros is found out').toBeGreaterThan(2);
  await session.release();
});

onLinux('what a library needs is read from the library', (context) => {
  const at = workspace();
  const gcc = process.env.PENSTOCK_TEST_GCC;
  context.skip(!gcc, 'no gcc');
  writeFileSync(at('a.c'), 'int a(void) { return 1; }\n');
  writeFileSync(at('b.c'), 'int a(void); int b(void) { return a(); }\n');
  const compile = (...args: string[]) => spawnSync(gcc as string, ['-shared', '-fPIC', ...args]);
  compile('-Wl,-soname,libcudnn.so.9', '-o', at('libcudnn.so.9.5.1'), at('a.c'));
  compile('-o', at('libb.so'), at('b.c'), at('libcudnn.so.9.5.1'));
  expect(neededLibraries(at('libb.so'))).toContain('libcudnn.so.9');
  expect(neededLibraries(at('a.c'))).toBeUndefined();
  expect(neededLibraries(at('absent'))).toBeUndefined();
  writeFileSync(at('cut.so'), '\x7fELF\x02\x01');
  expect(neededLibraries(at('cut.so'))).toBeUndefined();
});

onLinux('the loader of the system says where a library is, or that it is nowhere', () => {
  expect(tryLibrary('libc.so.6')).toEqual({ path: expect.stringMatching(/\/libc\.so\.6$/), error: null });
  const { path, error } = tryLibrary('libpenstock-absent.so.1');
  expect(path).toBeNull();
  expect(error).toContain('libpenstock-absent.so.1: cannot open shared object file');
});
