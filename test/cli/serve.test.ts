import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { workspace } from '../helpers/workspace.js';
import { penstock, repository, type StartOptions, start } from './penstock.js';

const DIGITS = `${repository}examples/serve/serve.yaml`;
const ANY_PORTS = ['--port', '0', '--set', 'listen.grpcPort=0'];

interface Told {
  readonly name: string;
  readonly url: string;
  readonly grpcUrl: string;
  readonly devices: readonly { readonly id: string }[];
  readonly endpoints: readonly { readonly name: string }[];
}

/** Starts a server, and waits for what it tells of itself. */
async function serve(args: readonly string[], options: StartOptions = {}) {
  const { child, ended } = start(['serve', ...args, '--json'], options);
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (text: string) => {
    stderr += text;
  });
  const told = await new Promise<Told>((resolve, reject) => {
    child.stdout.on('data', (text: string) => {
      stdout += text;
      if (stdout.endsWith('}\n')) resolve(JSON.parse(stdout));
    });
    void ended.then((end) => reject(new Error(end.stderr)));
  });
  return { child, ended, told, text: () => stderr };
}

/** A server whose device takes as long as it is told. */
function slowConfig(batchMicros: number): string {
  const path = workspace()('slow.json');
  const model = { runtime: 'simulated', options: { batchMicros, rowMicros: 0 } };
  const inputs = { x: { dtype: 'float32', shape: [1] } };
  writeFileSync(path, JSON.stringify({ models: { slow: { model, inputs, batch: { size: 1 } } } }));
  return path;
}

/** So many requests at once, of one row each. */
function ask(url: string, count: number): Promise<Response>[] {
  const init = { method: 'POST', body: zero };
  const answers = Array.from({ length: count }, () => fetch(`${url}/v2/models/slow/infer`, init));
  for (const answer of answers) answer.catch(() => {});
  return answers;
}

const zero = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [0] }] });

describe('penstock serve', () => {
  test('says what it serves, where, on which device and how to call it, and drains on SIGTERM', async () => {
    const { child, ended, told } = await serve([DIGITS, ...ANY_PORTS]);
    expect(told).toMatchObject({ name: 'digits', devices: [{ id: 'cpu' }] });
    expect(told.endpoints.map(({ name }) => name)).toEqual(['digits', 'digits-bulk']);
    expect((await fetch(`${told.url}/v2/health/ready`)).status).toBe(200);
    child.kill('SIGTERM');
    const { code, stderr, stdout } = await ended;
    expect(code).toBe(0);
    expect(stderr).toContain(told.url);
    expect(stderr).toContain(told.grpcUrl);
    expect(stderr).toMatch(/devices +cpu/);
    expect(stderr).toMatch(/digits +image FP32 \[-1, 1, 28, 28\] → logits FP32 \[-1, 10\]/);
    expect(stderr).toMatch(/curl http:\/\/127\.0\.0\.1:\d+\/v2\/models\/digits\/infer -d '/);
    expect(JSON.parse(stdout)).toEqual(told);
  });

  test('answers what is in flight before it ends', async () => {
    const { child, ended, told } = await serve([slowConfig(100_000), ...ANY_PORTS]);
    const answers = ask(told.url, 4);
    // They run one after another: when the first is answered the others wait.
    expect((await answers[0])?.status).toBe(200);
    child.kill('SIGINT');
    for (const answer of answers) expect((await answer).status).toBe(200);
    expect((await ended).code).toBe(0);
  });

  test.each([
    ['SIGTERM', 0],
    ['SIGINT', 130],
  ] as const)('that gets %s while its model loads ends with %d', async (signal, expected) => {
    const at = workspace();
    const session = at('session.mjs');
    writeFileSync(
      session,
      `import { existsSync, writeFileSync } from 'node:fs';
      const never = new Int32Array(new SharedArrayBuffer(4));
      const tensor = (name) => ({ name, dtype: 'float32', dims: ['n', 1] });
      export function load() {
        writeFileSync(${JSON.stringify(at('loads'))}, '');
        while (!existsSync(${JSON.stringify(at('go'))})) Atomics.wait(never, 0, 0, 5);
        return { inputs: [tensor('x')], outputs: [tensor('y')], device: { id: 'test' }, run() {} };
      }`,
    );
    const config = at('serve.json');
    writeFileSync(config, JSON.stringify({ models: { m: { model: { runtime: 'module', uri: session } } } }));
    const { child, ended, said } = start(['serve', config, ...ANY_PORTS]);
    await vi.waitFor(() => expect(existsSync(at('loads'))).toBe(true), { timeout: 30_000 });
    child.kill(signal);
    await said(/draining/);
    writeFileSync(at('go'), '');
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(expected);
  });

  test('ends at once at the second signal', async () => {
    const { child, ended, told, text } = await serve([slowConfig(100_000), ...ANY_PORTS]);
    const answers = ask(told.url, 200);
    const outcomes = Promise.all(answers.map((answer) => answer.catch((error) => error)));
    expect((await answers[0])?.status).toBe(200);
    child.kill('SIGTERM');
    while (!text().includes('draining')) await once(child.stderr, 'data');
    // Two within a moment count as one: see interrupt.ts.
    const again = setInterval(() => child.kill('SIGTERM'), 50);
    const { code, signal } = await ended;
    clearInterval(again);
    expect([code, signal]).toEqual([null, 'SIGINT']);
    // Those that had not come yet are refused.
    expect((await outcomes).some((outcome) => outcome instanceof Error)).toBe(true);
  });

  test('asks for the token of the environment', async () => {
    const { told, text } = await serve([DIGITS, ...ANY_PORTS], { env: { PENSTOCK_TOKEN: 'secret' } });
    expect((await fetch(`${told.url}/v2`)).status).toBe(401);
    const headers = { authorization: 'Bearer secret' };
    expect((await fetch(`${told.url}/v2`, { headers })).status).toBe(200);
    expect(text()).not.toContain('secret');
    expect(text()).toContain('Authorization: Bearer $PENSTOCK_TOKEN');
  });

  test('does not open itself to other machines without a token', async () => {
    const { code, stderr, stdout } = await penstock('serve', DIGITS, '--host', '0.0.0.0', '--json');
    expect(code).toBe(2);
    expect(stderr).toMatch(/listen\.host: 0\.0\.0\.0 can be reached from other machines/);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'USAGE', key: 'listen.host' } });
  });

  test('ends with 2 where its port is taken, and leaves no thread that would keep it', async () => {
    const { told } = await serve([DIGITS, ...ANY_PORTS]);
    const { code, stderr } = await penstock('serve', DIGITS, '--port', new URL(told.url).port);
    expect(stderr).toMatch(/listen\.port: 127\.0\.0\.1:\d+ is in use by another program/);
    expect(code).toBe(2);
  });

  test('ends with 2 where the port of gRPC is taken, though that of HTTP was open by then', async () => {
    const { told } = await serve([DIGITS, ...ANY_PORTS]);
    const grpcPort = told.grpcUrl.split(':').at(-1);
    const { code, stderr } = await penstock(
      'serve',
      DIGITS,
      '--port',
      '0',
      '--set',
      `listen.grpcPort=${grpcPort}`,
    );
    expect(stderr).toMatch(/listen\.grpcPort: 127\.0\.0\.1:\d+ is in use by another program/);
    expect(code).toBe(2);
  });

  test.each<[string, string[], RegExp]>([
    ['no such file', ['nix.yaml'], /nix\.yaml: there is no such file/],
    ['a wrong key', [DIGITS, '--set', 'modles={}'], /modles/],
    ['a port that is none', [DIGITS, '--port', 'http'], /listen\.port/],
    ['no file', [], /config/],
  ])('%s ends it with 2', async (_, args, sentence) => {
    const { code, stderr } = await penstock('serve', ...args);
    expect(stderr).toMatch(sentence);
    expect(code).toBe(2);
  });
});

test('penstock schema serve is the schema of its configuration', async () => {
  const { code, stdout } = await penstock('schema', 'serve');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    $id: 'urn:penstock:schema:serve',
    properties: { models: {}, listen: {}, jobs: {} },
  });
});
