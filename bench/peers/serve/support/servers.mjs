import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WIRES } from './wires.mjs';

const root = (path) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
const script = (name) => fileURLToPath(new URL(`../python/${name}`, import.meta.url));
const versionIn = (path) => JSON.parse(readFileSync(root(path), 'utf8')).version;

const HOST = '127.0.0.1';

/** Servers of one model. `command` is given the environment's Python, the settings and an empty folder. */
export const SERVERS = [
  { id: 'penstock', name: 'Penstock', wire: WIRES.protocol, command: penstock },
  {
    id: 'triton',
    name: 'Triton (PyTriton)',
    wire: WIRES.protocol,
    environment: 'pytriton',
    packages: ['nvidia-pytriton'],
    command: (python) => [python, script('triton_server.py')],
  },
  {
    id: 'bentoml',
    name: 'BentoML',
    wire: WIRES.numbers,
    environment: 'bentoml',
    packages: ['bentoml'],
    command: (python, { port }) =>
      [join(python, '..', 'bentoml'), 'serve', 'bentoml_server:Digits', '--working-dir', script('.')].concat([
        '--host',
        HOST,
        '--port',
        String(port),
      ]),
  },
  {
    id: 'litserve',
    name: 'LitServe',
    wire: WIRES.base64,
    environment: 'litserve',
    packages: ['litserve'],
    command: (python) => [python, script('litserve_server.py')],
  },
  {
    id: 'ray',
    name: 'Ray Serve',
    wire: WIRES.raw,
    environment: 'ray-serve',
    packages: ['ray'],
    command: (python) => [python, script('ray_server.py')],
  },
];

function penstock(_, { model, port, size, delayMs, deadlineMs, threads }, folder) {
  const file = join(folder, 'serve.json');
  const config = {
    listen: { host: HOST, port, grpcPort: null },
    models: {
      digits: {
        model: {
          uri: model,
          runtime: 'onnx',
          providers: ['cpu'],
          instances: 1,
          options: { intraOpNumThreads: threads },
        },
        batch: { size, maxDelayMs: delayMs },
        endpoints: { digits: { deadlineMs } },
      },
    },
  };
  writeFileSync(file, JSON.stringify(config));
  return [process.execPath, root('dist/cli/main.js'), 'serve', file];
}

/** Name → version. */
export function versionsOf({ packages }, python) {
  if (python === undefined) {
    return {
      node: process.versions.node,
      penstock: versionIn('package.json'),
      'onnxruntime-node': versionIn('node_modules/onnxruntime-node/package.json'),
    };
  }
  const code =
    'import sys, json; from importlib.metadata import version; print(json.dumps({n: version(n) for n in sys.argv[1:]}))';
  const names = ['onnxruntime', 'numpy', ...packages];
  return JSON.parse(execFileSync(python, ['-c', code, ...names], { encoding: 'utf8' }));
}
