// The package as npm would publish it, in a project that has nothing but it and what it says that it depends on.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules, createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import * as penstock from 'penstock';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { productionPackages } from '../../scripts/packages.mjs';
import { repository } from '../cli/penstock.js';
import { blocksOf } from '../docs/blocks.js';
import { install, type Packed, pack } from '../helpers/package.js';

const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
const { dependencies, optionalDependencies, peerDependencies, devDependencies } = manifest;
const JOB = 'node_modules/penstock/examples/digits/job.yaml';
const MOST_BYTES = 4_000_000;

/** All that may be published. */
const PUBLISHED = [
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
  /^dist\/.+\.(js|d\.ts)$/,
  /^dist\/threads\/LICENCES\.txt$/,
  /^docs\/.+\.(md|png|svg|json)$/,
  /^examples\/.+\.(md|yaml|json|mjs|ts|sh|arrow|f32)$/,
  /^native-models\/digits\/(README\.md|digits\.onnx|(saved-model|tfjs|tfjs-graph)\/.+)$/,
];

let folder: string;
let packed: Packed;
let project: string;
/** The same, where no optional package could be installed. */
let bareProject: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'penstock-package-test-'));
  packed = pack(folder);
  project = join(folder, 'project');
  bareProject = join(folder, 'bare');
  install(packed.file, project, { optional: true });
  install(packed.file, bareProject, { optional: false });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command in a project, on the Node.js that runs this. */
async function run(cwd: string, program: string, ...args: readonly string[]) {
  const { NODE_PATH: _, ...rest } = process.env;
  const env = { ...rest, PATH: `${dirname(process.execPath)}${delimiter}${rest.PATH}`, NO_COLOR: '1' };
  return promisify(execFile)(program, args, { cwd, env, maxBuffer: 2 ** 26 });
}

async function runModule(name: string, text: string, cwd = project) {
  writeFileSync(join(cwd, name), text);
  return run(cwd, process.execPath, name);
}

/** Packages that a module of ours imports, requires, or takes types of. */
function packagesOf(path: string): string[] {
  const text = readFileSync(join(project, 'node_modules/penstock', path), 'utf8');
  const { importedFiles } = ts.preProcessFile(text, true, true);
  return importedFiles
    .map(({ fileName }) => fileName)
    .filter((name) => !/^(\.|\/|node:)/.test(name) && !builtinModules.includes(name))
    .map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
}

describe('the tarball', () => {
  test('has what users need, and nothing else', () => {
    expect(packed.paths.filter((path) => !PUBLISHED.some((shape) => shape.test(path)))).toEqual([]);
    expect(packed.paths.filter((path) => /\.test\.|\.tsbuildinfo$/.test(path))).toEqual([]);
    const needed = [
      ...['dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js', 'dist/threads/task.js', 'docs/tutorial.md'],
      ...['examples/digits/digits.arrow', 'native-models/digits/digits.onnx', 'LICENSE', 'README.md'],
    ];
    expect(needed.filter((path) => !packed.paths.includes(path))).toEqual([]);
    const sources = new Set(readdirSync(join(repository, 'src'), { recursive: true, encoding: 'utf8' }));
    const modules = packed.paths.filter((path) => /^dist\/(?!threads\/)/.test(path));
    const deleted = modules.filter((path) => !sources.has(path.slice(5).replace(/\.(js|d\.ts)$/, '.ts')));
    expect(deleted).toEqual([]);
  });

  test('is small', () => {
    expect(packed.bytes).toBeLessThan(MOST_BYTES);
  });

  test('runs nothing when it is installed', () => {
    const scripts = Object.keys(manifest.scripts);
    expect(scripts.filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
  });

  test('has licences of the packages that are put into its files', () => {
    const licences = readFileSync(join(project, 'node_modules/penstock/dist/threads/LICENCES.txt'), 'utf8');
    const told = [...licences.matchAll(/^(\S+): [A-Z.a-z]+$/gm)].map(([, name = '']) => name);
    expect(new Set(told)).toEqual(new Set(['apache-arrow', 'flatbuffers', 'hyparquet', 'tslib']));
    // They are in there: what those files need of other packages they import.
    const imported = packed.paths.filter((path) => /^dist\/threads\/.*\.js$/.test(path)).flatMap(packagesOf);
    expect(imported).toContain('parquet-wasm');
    expect(imported.filter((name) => told.includes(name))).toEqual([]);
  });

  test('is what publint expects of a package', async () => {
    const bytes = readFileSync(packed.file);
    const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    const { messages, pkg } = await publint({ pack: { tarball }, level: 'warning', strict: true });
    expect(messages.map((message) => formatMessage(message, pkg ?? {}, { color: false }))).toEqual([]);
  });
});

describe('what it depends on', () => {
  const allowed = { ...dependencies, ...optionalDependencies, ...peerDependencies };

  const modules = () => packed.paths.filter((path) => /^dist\/(?!page\/client\/).*\.(js|d\.ts)$/.test(path));

  test('is in package.json', () => {
    const others = modules().flatMap((path) =>
      packagesOf(path)
        .filter((name) => !(name in allowed))
        .map((name) => `${path}: ${name}`),
    );
    expect(others).toEqual([]);
  });

  test('is used', () => {
    const text = modules()
      .filter((path) => path.endsWith('.js'))
      .map((path) => readFileSync(join(project, 'node_modules/penstock', path), 'utf8'))
      .join('\n');
    expect(Object.keys(allowed).filter((name) => !new RegExp(`['"\`]${name}['"\`/]`).test(text))).toEqual([]);
  });

  test('is all that there is in the project', () => {
    const { resolve } = createRequire(join(project, 'main.js'));
    // Some that developers use as well come along with others.
    const along = new Set(productionPackages().map(({ name }) => name));
    const found = Object.keys(devDependencies).filter((name) => {
      try {
        return !along.has(name) && resolve(`${name}/package.json`) !== undefined;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'ERR_PACKAGE_PATH_NOT_EXPORTED';
      }
    });
    expect(found).toEqual([]);
  });
});

describe('the command line of the project', () => {
  const command = 'node_modules/.bin/penstock';

  test('tells its version', async () => {
    const { stdout, stderr } = await run(project, command, '--version');
    expect({ stdout, stderr }).toEqual({ stdout: `${manifest.version}\n`, stderr: '' });
  });

  test.each([
    ['with', () => project],
    ['without', () => bareProject],
  ])('runs a job %s optional packages', async (_, at) => {
    const args = [
      'run',
      JOB,
      '--json',
      '--set',
      'source.limit=500',
      '--set',
      `sink.uri=${join(at(), 'out')}`,
    ];
    const { stdout } = await run(at(), command, ...args);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', rows: { written: 500 } });
  });
});

describe('the library of the project', () => {
  const names = Object.keys(penstock).sort();
  const tell = 'console.log(JSON.stringify(Object.keys(penstock).sort()));';

  test('is imported by a module', async () => {
    const text = `import * as penstock from 'penstock';\n${tell}`;
    for (const at of [project, bareProject]) {
      const { stdout, stderr } = await runModule('names.mjs', text, at);
      expect({ stderr, names: JSON.parse(stdout) }).toEqual({ stderr: '', names });
    }
  });

  test('is required by CommonJS, and works there', async () => {
    const text = `
      const penstock = require('penstock');
      const { createLoader, PenstockError } = penstock;
      const source = 'node_modules/penstock/examples/digits/digits.arrow';
      async function main() {
        let rows = 0;
        for await (const batch of createLoader({ source, batch: { size: 64 } })) {
          rows += batch.rows;
          batch.release();
        }
        const error = await penstock.loadJob('nothing.yaml').catch((error) => error);
        console.log(JSON.stringify({ names: Object.keys(penstock).sort(), rows, known: error instanceof PenstockError }));
      }
      main();`;
    const { stdout, stderr } = await runModule('main.cjs', text);
    expect(JSON.parse(stdout)).toEqual({ names, rows: 2000, known: true });
    // No warning either that this were experimental.
    expect(stderr).toBe('');
  });

  test.each(blocksOf('README.md').filter(({ language }) => language === 'ts'))(
    'runs the example of the README, line $line',
    async ({ text }) => {
      const here = text
        .replaceAll("'examples/", "'node_modules/penstock/examples/")
        .replace('/tmp/digits', join(project, 'out-of-example'));
      const { stdout } = await runModule('example.mjs', here);
      if (text.includes('console.log')) expect(stdout).toMatch(/^2000 [\d.]+ \w+\n$/);
    },
  );
});

describe('types of the library', () => {
  const CONSUMER = `
    import { type Batch, createLoader, loadJob, PenstockError, type Report, runJob } from 'penstock';
    export async function rowsOf(job: string): Promise<number> {
      const report: Report = await runJob(await loadJob(job));
      for await (const batch of createLoader({ source: 'a.arrow', batch: { size: 64 } })) use(batch);
      if (report.rows.written < 0) throw new PenstockError('less than nothing');
      return report.rows.written;
    }
    function use(batch: Batch): void {
      const rows: number = batch.rows;
      // @ts-expect-error: types that can't be found are any, and would take this.
      const text: string = batch.rows;
      batch.release();
      console.log(rows, text);
    }
  `;

  test.each([
    // Here also what is wrong in our own declarations counts; what is in those of others is left out below.
    ['a module', 'consumer.mts', { module: 'node16', moduleResolution: 'node16', skipLibCheck: false }],
    ['CommonJS, by the rules of a Node that can require it', 'consumer.cts', { module: 'nodenext' }],
    ['a bundler', 'consumer.ts', { module: 'esnext', moduleResolution: 'bundler' }],
  ])(
    'are found by %s',
    async (_, name, options) => {
      const at = join(project, name.replace('.', '-'));
      mkdirSync(at);
      writeFileSync(join(at, name), CONSUMER);
      const compilerOptions = {
        ...{ target: 'es2023', lib: ['es2024', 'esnext.disposable'], types: ['node'] },
        ...{ strict: true, noEmit: true, skipLibCheck: true, ...options },
      };
      writeFileSync(join(at, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [name] }));
      const tsc = join(repository, 'node_modules/typescript/bin/tsc');
      const { stdout } = await run(at, process.execPath, tsc, '--pretty', 'false').catch((error) => error);
      const faults = String(stdout).split('\n');
      expect(faults.filter((line) => /^(consumer\.|\S*node_modules\/penstock\/|error)/.test(line))).toEqual(
        [],
      );
    },
    120_000,
  );
});
