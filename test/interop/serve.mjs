// @ts-check
// Triton's own clients, in Python, against `penstock serve` on the digits: what they get is what onnxruntime computes there.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root, run, step, TOOLS } from '../../scripts/steps.mjs';
import { pip, skipped } from './python.mjs';

const PACKAGES = ['tritonclient[http,grpc]==2.73.0', 'onnxruntime==1.30.0'];
const MODEL = 'native-models/digits/digits.onnx';
const TOKEN = 'a-token';

/**
 * @param {string} python
 * @returns {Promise<import('../../scripts/steps.mjs').Counts>}
 */
export async function serve(python) {
  if (!(await step('Python with Triton’s clients', () => pip(python, PACKAGES)))) {
    return skipped('serve', `pip could not install ${PACKAGES.join(' and ')}: is PyPI within reach?`);
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  if (!(await run(process.execPath, [TOOLS.tsc, '--build']))) return { ...total, failed: 1 };
  for (const token of [undefined, TOKEN]) {
    await step(
      token === undefined ? 'Triton’s clients ask' : 'Triton’s clients ask with a token',
      async () => {
        const { passed, failed } = await ask(python, token);
        total.passed += passed;
        total.failed += failed;
        return failed === 0;
      },
    );
  }
  return total;
}

/**
 * @param {string} python
 * @param {string | undefined} token
 */
async function ask(python, token) {
  const env = { ...process.env, ...(token && { PENSTOCK_TOKEN: token }) };
  const flags = ['--port', '0', '--set', 'listen.grpcPort=0', '--json'];
  const main = join(root, 'dist/cli/main.js');
  const server = spawn(process.execPath, [main, 'serve', 'examples/serve/serve.yaml', ...flags], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => server.once('close', resolve));
  try {
    const { url, grpcUrl } = JSON.parse(await firstDocument(server.stdout, ended));
    const args = ['test/interop/serve.py', new URL(url).host, grpcUrl, MODEL, ...(token ? [token] : [])];
    const counts = /^(\d+) passed, (\d+) failed$/m.exec(await output(python, args));
    if (counts === null) return { passed: 0, failed: 1 };
    return { passed: Number(counts[1]), failed: Number(counts[2]) };
  } finally {
    server.kill('SIGTERM');
    await ended;
  }
}

/**
 * @param {import('node:stream').Readable} stream
 * @param {Promise<unknown>} ended
 * @returns {Promise<string>}
 */
function firstDocument(stream, ended) {
  return new Promise((resolve, reject) => {
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      if (text.endsWith('}\n')) resolve(text);
    });
    void ended.then(() => reject(new Error('penstock serve ended before it listened')));
  });
}

/**
 * What a program prints, shown as it comes.
 * @param {string} program
 * @param {readonly string[]} args
 * @returns {Promise<string>}
 */
function output(program, args) {
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      process.stdout.write(chunk);
    });
    child.once('close', () => resolve(text));
  });
}
