// @ts-check
// docs/dependencies.md: what comes with Penstock, by the lock file, and why; checked against the licences that it may have.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isPermissive, PERMISSIVE } from '../licences.mjs';
import { productionPackages } from '../packages.mjs';
import { root } from '../steps.mjs';
import { code, GENERATED, page, table } from './markdown.mjs';

/**
 * What each is for. A package that package.json names and this does not is an error.
 * @type {Readonly<Record<string, string>>}
 */
const WHAT_FOR = {
  '@grpc/grpc-js': 'the gRPC endpoint of `penstock serve`',
  '@grpc/proto-loader': 'reads the protocol that it speaks',
  '@opentelemetry/api': 'traces and metrics to whatever collects them: nothing without an SDK of yours',
  'apache-arrow': 'record batches, schemas, Arrow files',
  bullmq: 'the queue of `submit` and `worker`',
  commander: 'the command line',
  'fastest-levenshtein': 'did you mean …?',
  fastify: 'the HTTP endpoint of `penstock serve`',
  flatbuffers: "reads Arrow's metadata before they are trusted",
  hyparquet: 'footers and page headers of Parquet files',
  ioredis: 'the connection to Redis, under BullMQ',
  'onnxruntime-node': 'runs ONNX models',
  'parquet-wasm': 'writes Parquet',
  picocolors: 'colours of a terminal',
  picomatch: 'globs over remote listings',
  pino: 'logs of `penstock serve`',
  piscina: "the pool of producers' threads",
  'prom-client': 'metrics for Prometheus',
  tinyglobby: 'globs over local files',
  undici: 'the load of `penstock stress`',
  uplot: 'charts of the live page',
  yaml: 'job files, with the line of every key',
  zod: 'the schemas of job files, configurations, messages',
  zstddec: 'ZSTD before Node.js 22.15, which has its own',
  '@tensorflow/tfjs-backend-wasm': 'runs TensorFlow.js models on WebAssembly',
  '@tensorflow/tfjs-backend-webgpu': 'runs them on WebGPU',
  '@tensorflow/tfjs-converter': 'loads graph models',
  '@tensorflow/tfjs-core': 'what those share',
  '@tensorflow/tfjs-layers': 'loads layers models',
  koffi: "calls NVIDIA's driver (NVML) and the C library",
  opendal: 'S3, Google Cloud Storage, Azure, HTTP',
  webgpu: 'WebGPU (Dawn) for TensorFlow.js and `penstock doctor`',
  '@tensorflow/tfjs-node': 'runs SavedModels, on the CPU',
  '@tensorflow/tfjs-node-gpu': 'runs them on an NVIDIA GPU',
};

/** What install scripts do, of packages that have one. */
/** @type {Readonly<Record<string, string>>} */
const AT_INSTALL = {
  koffi: 'builds itself where there is no binary for the platform',
  'msgpackr-extract': 'builds itself where there is no binary for the platform',
  'onnxruntime-node':
    'on Linux x64 downloads the libraries of CUDA, unless `--onnxruntime-node-install=skip` says not to',
  protobufjs: 'looks at how it is depended on, and may warn',
  webgpu: 'on macOS takes the mark of quarantine off its binary',
};

/** What was measured, as `node scripts/docs/measure-install.mjs` prints it. */
const MEASURED = {
  on: '2026-11-29 on 2 cores of AMD EPYC, Node.js 20.20.2, Linux x64',
  size: [
    ['Penstock itself', '6.6 MB, packed 2.3 MB'],
    ['what it needs', '371 MB, of which ONNX Runtime for all its platforms is 301 MB'],
    ['with the optional packages', '692 MB, of which WebGPU is 137 MB, OpenDAL 43 MB'],
  ],
  start: [
    ['`node -e 0`, for comparison', '68 ms'],
    ['`penstock --version`', '99 ms'],
    ['`penstock --help`', '101 ms'],
    ["`import 'apache-arrow'`, for comparison", '205 ms'],
    ["`import 'penstock'`", '595 ms'],
  ],
};

/** @returns {string} */
export function dependencies() {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const all = productionPackages();
  const refused = all.filter(({ entry }) => !isPermissive(entry.license));
  if (refused.length > 0) {
    const told = refused.map(({ path, entry }) => `${path} (${entry.license ?? 'none'})`).join(', ');
    throw new Error(`licences that are not permissive: ${told}. See scripts/licences.mjs.`);
  }
  const named = { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies };
  const without = Object.keys(named).filter((name) => WHAT_FOR[name] === undefined);
  const extra = Object.keys(WHAT_FOR).filter((name) => !(name in named));
  if (without.length + extra.length > 0)
    throw new Error(`scripts/docs/dependencies.mjs: WHAT_FOR must tell of ${without} and not of ${extra}`);

  const brought = all.filter(({ name, path }) => !(name in named && path === `node_modules/${name}`));
  const scripts = all.filter(({ entry }) => entry.hasInstallScript === true);
  const untold = scripts.filter(({ name }) => AT_INSTALL[name] === undefined);
  if (untold.length > 0)
    throw new Error(
      `scripts/docs/dependencies.mjs: AT_INSTALL must tell of ${untold.map(({ name }) => name)}`,
    );

  const direct = (/** @type {Record<string, string>} */ group) =>
    table(
      ['package', 'version', 'licence', 'what for'],
      Object.keys(group).map((name) => {
        const entry = all.find(({ path }) => path === `node_modules/${name}`)?.entry;
        return [name, entry?.version ?? group[name] ?? '', entry?.license ?? '', WHAT_FOR[name] ?? ''];
      }),
    );
  return page([
    '# What comes with Penstock',
    GENERATED.replace('the descriptions in src', 'scripts/docs/dependencies.mjs'),
    `Packages that are installed beside Penstock, by package-lock.json: ${Object.keys(manifest.dependencies).length} that it needs, ${Object.keys(manifest.optionalDependencies).length} that it uses where they could be installed, and ${brought.length} that those bring along, of which no platform installs all: binaries for others are left out. Each is loaded when it is used first: \`penstock --version\` loads two of them. \`npm test\` fails where a module of Penstock takes a package that is not here, where one is here in vain, and where a licence is none of the permissive ones.`,
    '## Needed',
    direct(manifest.dependencies),
    '## Used where they are installed',
    'A job on the CPU over local files needs none of these.',
    direct(manifest.optionalDependencies),
    '## Yours to install',
    'They download or build libtensorflow, so Penstock brings neither: see [TensorFlow](how-to/tensorflow.md).',
    table(
      ['package', 'version', 'what for'],
      Object.entries(manifest.peerDependencies).map(([name, range]) => [name, range, WHAT_FOR[name] ?? '']),
    ),
    '## Licences',
    `Permissive ones, all of them: ${PERMISSIVE.join(', ')}. A choice (\`OR\`) counts where one of these is in it. Of all packages, with those that are brought along:`,
    table(['licence', 'packages'], byLicence(all)),
    'Penstock itself is under Apache-2.0. The digits in `examples/digits` are a part of MNIST, under CC BY-SA 3.0: [where they are from](../native-models/digits/README.md). Code of apache-arrow, flatbuffers and tslib is in the files that threads run; their licences lie beside them, in `dist/threads/LICENCES.txt`. An archive of `npm run bundle` has the licence of every package that is in it, in `THIRD-PARTY.txt` where the package itself has none.',
    '`npm run sbom` writes a bill of materials, `penstock.cdx.json`, in the form of [CycloneDX](https://cyclonedx.org): every package with version, licence and checksum.',
    '## What runs while it is installed',
    'Penstock has no install script. Of what it brings along these have one; `npm install --ignore-scripts` leaves them out, and everything works that has a binary for the platform:',
    table(
      ['package', 'what its script does'],
      scripts.map(({ name }) => [name, AT_INSTALL[name] ?? '']),
    ),
    '## Known vulnerabilities',
    '`npm audit --omit=dev` asks the registry about all of these. The interop suite of CI (`npm run test:interop -- package`) does, and fails where it knows of one; where a registry answers no such questions, as mirrors often do not, it says that nobody was asked.',
    ...measured(),
  ]);
}

function measured() {
  const { on, size, start } = MEASURED;
  return [
    '## Size, and time to start',
    `Measured ${on}. \`node scripts/docs/measure-install.mjs\` measures it again.`,
    table(['what is installed', 'on disk'], size),
    '`npm install --omit=optional penstock` leaves the optional packages out.',
    'The machine was busy with other things while it was measured: what counts below is time of the CPU, and where nothing else runs it is less.',
    table(['what is started', 'median of 20'], start),
  ];
}

/**
 * @param {readonly import('../packages.mjs').ProductionPackage[]} packages
 * @returns {string[][]} most common first
 */
function byLicence(packages) {
  /** @type {Map<string, Set<string>>} */
  const found = new Map();
  for (const { name, entry } of packages) {
    const licence = code(entry.license ?? '');
    found.set(licence, (found.get(licence) ?? new Set()).add(`${name}@${entry.version}`));
  }
  return [...found]
    .map(([licence, names]) => /** @type {const} */ ([licence, names.size]))
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([licence, count]) => [licence, String(count)]);
}
