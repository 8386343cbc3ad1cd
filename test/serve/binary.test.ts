import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { bytesOf, DTYPES, type DType, viewOf } from '../../src/util/dtype.js';
import { random } from '../helpers/random.js';
import { DATATYPES, EchoEngine, infer, one, serveEchoes } from './echo.js';

/** Bytes of elements of a type, in a buffer of their own. */
function elements(dtype: DType, count: number, seed: number): Uint8Array {
  const next = random(seed);
  return Uint8Array.from({ length: count * bytesOf(dtype) }, () =>
    dtype === 'bool' ? Math.round(next()) : Math.floor(next() * 256),
  );
}

const declared = (datatype: string, shape: readonly unknown[], size: unknown): object => ({
  name: 'x',
  datatype,
  shape,
  parameters: { binary_data_size: size },
});

/** Texts behind their lengths. */
const texts = (...list: string[]): Buffer =>
  Buffer.concat(
    list.flatMap((text) => {
      const bytes = Buffer.from(text);
      const head = Buffer.alloc(4);
      head.writeUInt32LE(bytes.length);
      return [head, bytes];
    }),
  );

describe('tensors as binary data', () => {
  test.each(DTYPES)('%s there and back, to the bit', async (dtype) => {
    const { url, engine } = await serveEchoes();
    const bytes = elements(dtype, 6, DTYPES.indexOf(dtype));
    // JSON of several lengths: wherever the data begins, it is the same.
    for (let pad = 0; pad < 8; pad++) {
      const document = {
        inputs: [declared(DATATYPES[dtype], [3, 2], bytes.length)],
        outputs: [{ name: 'x', parameters: { binary_data: true } }],
        id: 'x'.repeat(pad),
      };
      const { status, json, binary, headers } = await infer(url, dtype, document, { binary: bytes });
      expect(status).toBe(200);
      expect(headers.get('content-type')).toBe('application/octet-stream');
      expect(json.outputs?.[0]).toEqual({
        name: 'x',
        datatype: DATATYPES[dtype],
        shape: [3, 2],
        parameters: { binary_data_size: bytes.length },
      });
      expect(Uint8Array.from(binary)).toEqual(bytes);
      expect(engine.requests.at(-1)?.inputs[0]?.data).toEqual(viewOf(dtype, bytes.buffer, 0, 6));
    }
  });

  test('they are looked at where they lie in the body, without a copy', async () => {
    const { url, engine } = await serveEchoes();
    const bytes = new Uint8Array(80 * 8);
    const document = { inputs: [declared('FP64', [40, 2], bytes.length)], id: 'odd' };
    await infer(url, 'float64', document, { binary: bytes });
    const data = engine.requests[0]?.inputs[0]?.data;
    // The buffer is the whole body's.
    expect(ArrayBuffer.isView(data) && data.buffer.byteLength).toBeGreaterThan(bytes.length);
  });

  test('a tensor may begin anywhere, after one of odd bytes, or in a body that was compressed', async () => {
    const { url, engine } = await serveEchoes();
    const binary = Buffer.concat([Uint8Array.of(1, 2, 3), new Uint8Array(Float64Array.of(0.5).buffer)]);
    const document = {
      inputs: [
        { ...declared('UINT8', [1, 3], 3), name: 'a' },
        { ...declared('FP64', [1], 8), name: 'b' },
      ],
    };
    await infer(url, 'odd', document, { binary });
    const json = Buffer.from(JSON.stringify(document));
    const headers = { 'inference-header-content-length': String(json.length), 'content-encoding': 'gzip' };
    const body = gzipSync(Buffer.concat([json, binary]));
    await infer(url, 'odd', '', { method: 'POST', body, headers });
    expect(engine.requests).toHaveLength(2);
    for (const { inputs } of engine.requests)
      expect(inputs.map(({ data }) => data)).toEqual([Uint8Array.of(1, 2, 3), Float64Array.of(0.5)]);
  });

  test('texts, each behind its length', async () => {
    const { url, engine } = await serveEchoes();
    const list = ['', 'größer', '水', 'a'.repeat(300)];
    const binary = texts(...list);
    const document = {
      inputs: [declared('BYTES', [4], binary.length)],
      parameters: { binary_data_output: true },
    };
    const answer = await infer(url, 'text', document, { binary });
    expect(engine.requests[0]?.inputs[0]?.data).toEqual(list);
    expect(answer.binary.equals(binary)).toBe(true);
  });

  test('JSON and binary data may be mixed, and each output says what it is to be', async () => {
    const { url } = await serveEchoes();
    const b = Uint8Array.from(Buffer.from(Int32Array.of(7, 8).buffer));
    const document = {
      inputs: [
        { name: 'a', datatype: 'FP32', shape: [2, 2], data: [1, 2, 3, 4] },
        { ...declared('INT32', [2], 8), name: 'b' },
      ],
      outputs: [{ name: 'b', parameters: { binary_data: false } }, { name: 'a' }],
      parameters: { binary_data_output: true },
    };
    const { json, binary } = await infer(url, 'pair', document, { binary: b });
    expect(json.outputs?.[0]?.data).toEqual([7, 8]);
    expect(json.outputs?.[1]?.parameters).toEqual({ binary_data_size: 16 });
    expect(new Float32Array(Uint8Array.from(binary).buffer)).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  test('a body that is nothing but one row of the only input', async () => {
    const { url, engine } = await serveEchoes();
    const send = (name: string, body: Uint8Array) =>
      infer(url, name, '', { method: 'POST', body, headers: { 'inference-header-content-length': '0' } });
    const bytes = elements('float32', 2, 1);
    expect(Uint8Array.from((await send('float32', bytes)).binary)).toEqual(bytes);
    expect((await send('open', elements('float32', 5, 1))).json.outputs?.[0]?.shape).toEqual([1, 5]);
    await send('text', Buffer.from('a text'));
    expect(engine.requests.at(-1)?.inputs[0]).toMatchObject({ shape: [1], data: ['a text'] });
    expect((await send('float32', bytes.subarray(1))).json.error).toMatch(/7 bytes of data; .* takes 8/);
    expect((await send('pair', bytes)).json.error).toMatch(/2 inputs: raw binary requests are for one/);
    expect((await send('wide', bytes)).json.error).toMatch(/does not tell the shape/);
  });
});

describe('binary data that is not what it says', () => {
  const eight = new Uint8Array(8);

  test.each<[string, string, object, Uint8Array | undefined, RegExp]>([
    [
      'less than its shape takes',
      'float32',
      declared('FP32', [2, 2], 8),
      eight,
      /8 bytes of data; its shape \[2, 2\] takes 16/,
    ],
    ['more than its shape takes', 'float32', declared('FP32', [1, 2], 12), new Uint8Array(12), /takes 8/],
    [
      'more than was sent',
      'float32',
      declared('FP32', [2, 2], 16),
      eight,
      /binary_data_size is 16, and 8 bytes/,
    ],
    [
      'less than was sent',
      'float32',
      declared('FP32', [1, 2], 8),
      new Uint8Array(9),
      /9 bytes of binary data .* take 8/,
    ],
    ['a negative size', 'float32', declared('FP32', [1, 2], -8), eight, /binary_data_size is -8/],
    ['a fraction', 'float32', declared('FP32', [1, 2], 7.5), eight, /binary_data_size is 7.5/],
    [
      'a size beyond all numbers',
      'float32',
      declared('FP32', [1, 2], 1e300),
      eight,
      /binary_data_size is 1e\+300/,
    ],
    ['a text for a size', 'float32', declared('FP32', [1, 2], '8'), eight, /binary_data_size is "8"/],
    [
      'data twice',
      'float32',
      { ...declared('FP32', [1, 2], 8), data: [1, 2] },
      eight,
      /both data and binary/,
    ],
    [
      'no header',
      'float32',
      declared('FP32', [1, 2], 8),
      undefined,
      /Inference-Header-Content-Length is missing/,
    ],
    [
      'a bool that is none',
      'bool',
      declared('BOOL', [1, 2], 2),
      Uint8Array.of(1, 2),
      /element 1 is 2, expected 0 or 1/,
    ],
    [
      'a text that goes on',
      'text',
      declared('BYTES', [1], 8),
      Uint8Array.of(5, 0, 0, 0, 1, 1, 1, 1),
      /longer than the data/,
    ],
    [
      'a text of 4 GB',
      'text',
      declared('BYTES', [1], 4),
      Uint8Array.of(255, 255, 255, 255),
      /longer than the data/,
    ],
    ['a text too few', 'text', declared('BYTES', [2], 5), texts('a'), /ends before its 2 elements/],
    ['a text too many', 'text', declared('BYTES', [1], 10), texts('a', 'b'), /5 bytes follow its 1 elements/],
    ['no UTF-8', 'text', declared('BYTES', [1], 5), Uint8Array.of(1, 0, 0, 0, 255), /element 0 is not UTF-8/],
  ])('%s', async (_, name, input, binary, sentence) => {
    const { url, engine } = await serveEchoes();
    const { status, json } = await infer(url, name, { inputs: [input] }, binary && { binary });
    expect(json.error).toMatch(sentence);
    expect(status).toBe(400);
    expect(engine.requests).toEqual([]);
  });

  test.each(['99999', '-1', '1e3', 'x', '', '9'.repeat(30)])('a header that says %j', async (length) => {
    const { url } = await serveEchoes();
    const headers = { 'inference-header-content-length': length };
    const { status, json } = await infer(url, 'float32', one('FP32', [1, 2], [1, 2]), { headers });
    expect(status).toBe(400);
    expect(json.error).toMatch(/Inference-Header-Content-Length/);
  });

  test('FP16 is asked for as binary data, since JSON has no such numbers', async () => {
    const { url, engine } = await serveEchoes(new EchoEngine());
    const document = { inputs: [declared('FP16', [1, 2], 4)] };
    const { status, json } = await infer(url, 'float16', document, { binary: new Uint8Array(4) });
    expect([status, json.error]).toEqual([400, expect.stringContaining('ask for it as binary data')]);
    expect(engine.requests).toEqual([]);
  });
});
