import { readdirSync, readFileSync } from 'node:fs';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { loadJob } from '../../src/job/load.js';
import { parseServeConfig } from '../../src/serve/config.js';
import { listObjects, openObject } from '../../src/storage/store.js';
import { JobFolder } from '../../src/stress/data/job.js';
import { ObjectServer } from '../../src/stress/data/object-server.js';
import { prepareRequest } from '../../src/stress/load/request.js';

const CONFIG = parseServeConfig({
  models: {
    sim: {
      model: { runtime: 'simulated' },
      inputs: { x: { shape: [2, 3] }, n: { shape: [], dtype: 'int64' } },
      batch: { size: 32 },
    },
  },
});
const REQUEST = {
  endpoint: 'sim',
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [2, 3] },
    { name: 'n', datatype: 'INT64', shape: [] },
  ],
};
const SUBJECT = { endpoint: 'sim', model: 'sim', request: REQUEST, deadlineMs: null, capacity: 1 };

describe('a batch job beside the requests', () => {
  test('has a job file that can be loaded, with the model of the server and rows of its shape', async () => {
    const sizes = { rowsPerSecond: 1000, seconds: 10, seed: 1 };
    let path: string;
    {
      await using folder = await JobFolder.make(CONFIG, SUBJECT, { storageDelayMs: null }, sizes);
      path = folder.file;
      const job = await loadJob(folder.file);
      expect(job).toMatchObject({
        model: { runtime: 'simulated' },
        batch: { size: 32 },
        inputs: { x: { column: 'x', dtype: 'float32', shape: [2, 3] }, n: { column: 'n', dtype: 'int64' } },
        sink: { format: 'none' },
      });
      const files = readdirSync(job.source.uri);
      const table = tableFromIPC(readFileSync(`${job.source.uri}/${files[0]}`));
      expect(files.length * table.numRows).toBeGreaterThanOrEqual(3 * 10_000);
      expect(table.schema.fields.map(({ name, type }) => `${name} ${type}`)).toEqual([
        'x FixedSizeList[6]<Float32>',
        'n FixedSizeList[1]<Int64>',
      ]);
    }
    expect(() => readFileSync(path)).toThrow('ENOENT');
  });
});

describe('a slow storage', () => {
  test('has objects that our own storage lists and reads', async () => {
    const bytes = Buffer.from('0123456789');
    await using server = await ObjectServer.start(bytes, 1200, 0);
    const access = { options: server.source.storage };
    const objects = await listObjects(server.source.uri, access);
    expect(objects).toHaveLength(1200);
    const [first] = objects;
    if (first === undefined) throw new RangeError('no object');
    const reader = await openObject(first, access);
    const some = new Uint8Array(5);
    await reader.read(2, some);
    expect(Buffer.from(some).toString()).toBe('23456');
    expect(await (await fetch(server.url)).text()).toBe('0123456789');
  });

  test('knows nothing else, and is not written to', async () => {
    await using server = await ObjectServer.start(Buffer.from('x'), 1, 0);
    expect((await fetch(`${server.url}x`)).status).toBe(404);
    expect((await fetch(server.url, { method: 'PUT', body: 'y' })).status).toBe(405);
  });
});

describe('requests', () => {
  test('are JSON whose length a header tells, and bytes behind it, the same for the same seed', () => {
    const { path, headers, body } = prepareRequest(REQUEST, 5, 3);
    expect(path).toBe('/v2/models/sim/infer');
    const length = Number(headers[headers.indexOf('inference-header-content-length') + 1]);
    expect(JSON.parse(body.subarray(0, length).toString())).toEqual({
      inputs: [
        { name: 'x', datatype: 'FP32', shape: [5, 2, 3], parameters: { binary_data_size: 120 } },
        { name: 'n', datatype: 'INT64', shape: [5], parameters: { binary_data_size: 40 } },
      ],
      parameters: { binary_data_output: true },
    });
    expect(body.length).toBe(length + 160);
    expect(prepareRequest(REQUEST, 5, 3).body).toEqual(body);
    expect(prepareRequest(REQUEST, 5, 4).body).not.toEqual(body);
  });

  test('of texts have each behind its length', () => {
    const texts = { endpoint: 't', inputs: [{ name: 't', datatype: 'BYTES', shape: [] }] };
    const { headers, body } = prepareRequest(texts, 2, 1);
    let at = Number(headers[headers.indexOf('inference-header-content-length') + 1]);
    for (let i = 0; i < 2; i++) at += 4 + body.readUInt32LE(at);
    expect(at).toBe(body.length);
  });

  test('of another protocol are sent as they were written, one after another', () => {
    const written = {
      path: '/predict',
      headers: { 'x-of': 'its own' },
      bodies: [Buffer.from('a'), Buffer.from('b')],
    };
    const sent = [0, 1, 2].map((seed) => prepareRequest(written, 1, seed, { 'x-of': 'the order' }));
    expect(sent.map(({ body }) => body.toString())).toEqual(['a', 'b', 'a']);
    expect(sent[0]).toMatchObject({ path: '/predict', headers: ['x-of', 'the order'], rows: 1 });
  });
});
