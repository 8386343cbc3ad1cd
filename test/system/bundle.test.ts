// A bundle in a root that has nothing but it and the least of what Debian has: C and C++ libraries, a shell, coreutils,
// tar and gzip; with no network but loopback.
import { execFileSync, spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { repository } from '../cli/penstock.js';

const { version, dependencies, optionalDependencies } = JSON.parse(
  readFileSync(join(repository, 'package.json'), 'utf8'),
);
const NAME = `penstock-${version}-linux-x64`;
const RUN = `/opt/${NAME}/run.sh`;
/** What every Debian has, down to the smallest image. */
const PROGRAMS = ['sh', 'env', 'readlink', 'dirname', 'cat', 'grep', 'ln', 'sha256sum', 'tar', 'gzip'];
const LIBRARIES = [
  ...['libc.so.6', 'libm.so.6', 'libdl.so.2', 'libpthread.so.0', 'librt.so.1'],
  ...['libstdc++.so.6', 'libgcc_s.so.1'],
];
const NAMESPACES = ['--net', '--mount', '--fork'];

const why = reasonToSkip();

function reasonToSkip(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'bundles are for Linux x64';
  if (process.getuid?.() !== 0) return 'only root can change the root directory';
  const { status } = spawnSync('unshare', [...NAMESPACES, 'true']);
  return status === 0 ? undefined : 'no namespaces of our own (unshare)';
}

describe('a bundle on a bare host', () => {
  let folder: string;
  let root: string;
  let out: string;

  beforeEach((context) => context.skip(why !== undefined, why));

  beforeAll(() => {
    if (why !== undefined) return;
    folder = mkdtempSync(join(tmpdir(), 'penstock-bundle-test-'));
    root = join(folder, 'root');
    out = join(folder, 'out');
    bundle('--node', process.execPath, '--compress', 'none');
    for (const own of ['opt', 'tmp', 'proc', 'dev']) mkdirSync(join(root, own), { recursive: true });
    writeFileSync(join(root, 'dev/null'), '');
    execFileSync('tar', ['-xf', join(out, `${NAME}.tar`), '-C', join(root, 'opt')]);
    // Where Debian's package could not be had, the host must have it.
    const lent = existsSync(join(root, 'opt', NAME, 'lib/atomic'));
    for (const file of filesOfHost(lent ? LIBRARIES : [...LIBRARIES, 'libatomic.so.1'])) {
      mkdirSync(join(root, dirname(file)), { recursive: true });
      copyFileSync(realpathSync(file), join(root, file));
    }
  }, 300_000);

  afterAll(() => {
    if (why === undefined) rmSync(folder, { recursive: true, force: true });
  });

  function bundle(...args: readonly string[]): void {
    const script = join(repository, 'scripts/bundle.mjs');
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--out', out, ...args], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`the bundle was not made: ${stdout}${stderr}`);
  }

  /** A command in that root, as a login there would run it. */
  function inside(...command: readonly string[]) {
    const mounts = `mount -t proc proc ${root}/proc && mount --bind /dev/null ${root}/dev/null`;
    const script = `${mounts} && exec chroot ${root} /usr/bin/env -i PATH=/usr/bin:/bin HOME=/tmp "$@"`;
    return spawnSync('unshare', [...NAMESPACES, 'sh', '-c', script, 'sh', ...command], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
  }

  function documentOf({ status, stdout, stderr }: ReturnType<typeof inside>) {
    if (status !== 0) throw new Error(`exit code ${status}: ${stderr}`);
    return JSON.parse(stdout);
  }

  it('finds neither Node.js nor a network there', () => {
    expect(inside('sh', '-c', 'command -v node || command -v npm').status).not.toBe(0);
    const devices = inside('cat', '/proc/net/dev')
      .stdout.split('\n')
      .filter((line) => line.includes(':'));
    expect(devices.every((line) => line.trim().startsWith('lo:'))).toBe(true);
  });

  it('tells what can run', () => {
    const { ok, providers, machine } = documentOf(inside(RUN, 'doctor', '--json'));
    expect(ok).toBe(true);
    expect(machine.node).toBe(process.version.slice(1));
    expect(providers).toContainEqual(expect.objectContaining({ name: 'cpu', status: 'ok' }));
  });

  it('runs the demo', () => {
    const { rows, demo } = documentOf(inside(RUN, 'demo', '--rows', '2000', '--json'));
    expect(rows.written).toBe(2000);
    expect(demo.accuracy).toBeGreaterThan(0.97);
  });

  it('benches the digits', () => {
    const job = `/opt/${NAME}/penstock/examples/digits/job.yaml`;
    const args = [
      'bench',
      job,
      '--quick',
      '--set',
      'sink.uri=/tmp/out',
      '--report',
      '/tmp/bench.html',
      '--json',
    ];
    const { ceilings, knee } = documentOf(inside(RUN, ...args));
    expect(ceilings.device.rowsPerSecond.median).toBeGreaterThan(0);
    expect(knee.batchSize).toBeGreaterThan(0);
    expect(existsSync(join(root, 'tmp/bench.html'))).toBe(true);
  }, 240_000);

  it('loads every package that Penstock depends on', () => {
    const names = Object.keys({ ...dependencies, ...optionalDependencies });
    const script = `
      const failed = [];
      for (const name of ${JSON.stringify(names)}) {
        // Of one entry, which is a style sheet and a script for browsers.
        if (name !== 'uplot') await import(name).catch((error) => failed.push(name + ': ' + error.message));
      }
      console.log(JSON.stringify(failed));
      process.exit(0);`;
    const from = `/opt/${NAME}/penstock/check.mjs`;
    writeFileSync(join(root, from), script);
    expect(documentOf(inside(RUN, 'node', from))).toEqual([]);
    rmSync(join(root, from));
  });

  it('has the suite for GPU hosts', () => {
    const { status, stderr } = inside(RUN, 'gpu-suite', '--help');
    expect(stderr).toContain('Usage: gpu-suite');
    expect(status).toBe(0);
  });

  it('is started through a link, from anywhere', () => {
    const { status, stdout } = inside(
      'sh',
      '-c',
      `cd /tmp && ln -sf ${RUN} penstock && ./penstock --version`,
    );
    expect(stdout.trim()).toBe(version);
    expect(status).toBe(0);
  });

  it('tells the licence of every package in it', () => {
    const told = readFileSync(join(root, 'opt', NAME, 'THIRD-PARTY.txt'), 'utf8');
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      expect(told).toMatch(new RegExp(`^${name} [\\d.]+: \\S+`, 'm'));
    }
  });

  it('knows whether its files are whole', () => {
    expect(inside(RUN, 'verify').status).toBe(0);
    const file = join(root, 'opt', NAME, 'penstock/examples/digits/job.yaml');
    const before = readFileSync(file);
    appendFileSync(file, '\n');
    const { status, stdout, stderr } = inside(RUN, 'verify');
    writeFileSync(file, before);
    expect(status).toBe(2);
    expect(stdout + stderr).toContain('penstock/examples/digits/job.yaml');
  });

  it('joins the pieces of the CUDA archive, and refuses a damaged one', () => {
    const libraries = join(folder, 'libraries');
    mkdirSync(libraries);
    // Made up: what a library is does not matter to an archive.
    const provider = randomFillSync(Buffer.alloc(2_500_000));
    writeFileSync(join(libraries, 'libonnxruntime_providers_cuda.so'), provider);
    writeFileSync(join(libraries, 'libcudnn.so.9'), 'cuDNN');
    bundle('--only-cuda', '--cuda-from', libraries, '--piece-mib', '1', '--compress', 'gz', '--level', '1');
    const pieces = join(root, 'tmp/pieces');
    mkdirSync(pieces);
    const archive = `penstock-${version}-cuda.tar.gz`;
    for (const end of ['000', '001', '002', 'sha256']) {
      copyFileSync(join(out, `${archive}.${end}`), join(pieces, `${archive}.${end}`));
    }
    const damaged = join(pieces, `${archive}.001`);
    const whole = readFileSync(damaged);
    writeFileSync(damaged, whole.subarray(1));
    const refused = inside(RUN, 'join', '/tmp/pieces');
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('a piece is missing or damaged');

    writeFileSync(damaged, whole);
    expect(inside(RUN, 'join', '/tmp/pieces').status).toBe(0);
    const top = join(root, 'opt', NAME);
    const runtime = 'penstock/node_modules/onnxruntime-node/bin/napi-v6/linux/x64';
    expect(readFileSync(join(top, runtime, 'libonnxruntime_providers_cuda.so')).equals(provider)).toBe(true);
    expect(readFileSync(join(top, 'cuda/lib/libcudnn.so.9'), 'utf8')).toBe('cuDNN');
  });
});

/** Programs and libraries of this machine, with what they link. */
function filesOfHost(libraries: readonly string[]): Set<string> {
  const programs = [...PROGRAMS.map((name) => `/usr/bin/${name}`), '/bin/sh'].filter((file) =>
    existsSync(file),
  );
  const linked = programs.flatMap((file) => {
    const told = execFileSync('ldd', [file], { encoding: 'utf8' });
    return [...told.matchAll(/(\/\S+\.so\S*) \(0x/g)].map(([, library = '']) => library);
  });
  const known = execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).split('\n');
  const found = libraries.map((name) => {
    const line = known.find((one) => one.trim().startsWith(`${name} `) && one.includes('x86-64'));
    return line?.split('=> ')[1];
  });
  return new Set([...programs, ...linked, ...found.filter((path) => path !== undefined)]);
}
