import { once } from 'node:events';
import { expect, test } from 'vitest';
import { repository, start } from './penstock.js';

const CONFIG = `${repository}examples/serve/serve.yaml`;
const TOKEN = 'a-t0ken-that-is-nobodys-business';
const ZEROS = { name: 'image', datatype: 'FP32', shape: [1, 1, 28, 28], data: Array(784).fill(0.123454321) };

test('a server logs lines of JSON: start, requests where they are asked for, refusals, the end; no token, no payload', async () => {
  const { child, ended } = start(
    ['serve', CONFIG, '--port', '0', '--set', 'listen.grpcPort=null', '--log-requests', '--json'],
    { env: { PENSTOCK_TOKEN: TOKEN } },
  );
  const [stdout] = await once(child.stdout, 'data');
  const { url } = JSON.parse(String(stdout));
  const infer = async (endpoint: string, token = TOKEN): Promise<number> => {
    const response = await fetch(`${url}/v2/models/${endpoint}/infer?secret=in-the-query`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ inputs: [ZEROS] }),
    });
    await response.text();
    return response.status;
  };
  expect(await infer('digits')).toBe(200);
  expect(await infer('digits', 'a-wr0ng-one')).toBe(401);
  expect(await infer('nobody-has-this-name')).toBe(404);
  await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })).text();
  child.kill('SIGTERM');
  const { code, stderr } = await ended;
  expect(code).toBe(0);
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
  const log: Record<string, unknown>[] = lines.map((line) => JSON.parse(line));
  const of = (event: string) => log.filter((line) => line.event === event);
  expect(of('started')).toMatchObject([{ name: 'digits', http: url, endpoints: ['digits', 'digits-bulk'] }]);
  expect(of('request')).toMatchObject([
    { status: 200, method: 'POST', route: '/v2/models/:model/infer', endpoint: 'digits', rows: 1 },
    { status: 401 },
    { status: 404, refusal: 'unknown' },
  ]);
  expect(of('request')[0]).toMatchObject({
    queueMs: expect.any(Number),
    computeMs: expect.any(Number),
    batchRows: 1,
  });
  const refused = of('refused').map((line) => line.refused as Record<string, Record<string, number>>);
  const count = refused
    .flatMap((one) => Object.values(one).flatMap(Object.values<number>))
    .reduce((a, b) => a + b, 0);
  expect(count).toBe(2);
  expect(log.map(({ event }) => event).filter((event) => event !== 'refused')).toEqual([
    'started',
    'request',
    'request',
    'request',
    'draining',
    'stopped',
  ]);
  for (const secret of [TOKEN, 'a-wr0ng-one', '0.123454321', 'in-the-query', 'nobody-has-this-name'])
    expect(lines.join('\n')).not.toContain(secret);
});
