import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WIRES } from './wires.mjs';

const root = (path) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
const script = (name) => fileURLToPath(new URL(`../python/${name}`, import.meta.url));
const versionOf = (path) => JSON.parse(readFileSync(root(path), 'utf8')).version;

const python = (name) => ({
  environment: name,
  command: (program) => [program, script(`${name.split('-')[0].replace('pytriton', 'triton')}_server.py`)],
});

/** Servers of one model. `command` is given the environment's Python, the settings and an empty folder. */
export const SERVERS = [
  { id: 'penstock', name: 'Penstock', wire: WIRES.protocol, command: penstock },
  {
    id: 'triton',
    name: 'Triton (PyTriton)',
    wire: WIRES.protocol,
    packages: ['nvidia-pytriton'],
    ...python('pytriton'),
  },
  {
    id: 'bentoml',
    name: 'BentoML',
    wire: WIRES.numbers,
    packages: ['bentoml'],
    environment: 'bentoml',
    command: (program, { port }) => [
      join(program, '..', 'bentoml'),
      'serve',
      'bentoml_server:Digits',
      '--working-dir',
      script('.'),
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
    ],
  },
  { id: 'litserve', name: 'LitServe', wire: WIRES.base64, packages: ['litserve'], ...python('litserve') },
  { id: 'ray', name: 'Ray Serve', wire: WIRES.raw, packages: ['ray'], ...python('ray-serve') },
];

function penstock(_, { model, port, size, delayMs, deadlineMs, threads }, folder) {
  const file = join(folder, 'serve.json');
  const config = {
    listen: { port, grpcPort: null },
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
export function versionsOf({ packages }, program) {
  if (program === undefined) {
    const names = ['node_modules/onnxruntime-node/package.json', 'package.json'];
    const [runtime, own] = names.map(versionOf);
    return { node: process.versions.node, 'onnxruntime-node': runtime, penstock: own };
  }
  const code =
    'import sys, json; from importlib.metadata import version; print(json.dumps({n: version(n) for n in sys.argv[1:]}))';
  return JSON.parse(
    execFileSync(program, ['-c', code, 'onnxruntime', 'numpy', ...packages], { encoding: 'utf8' }),
  );
}
