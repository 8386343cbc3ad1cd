import { gzipSync } from 'node:zlib';
import { mutate } from '../fuzz/mutate.js';

type Next = () => number;
const below = (next: Next, limit: number): number => Math.floor(next() * limit);
const pick = <T>(next: Next, list: readonly T[]): T => list[below(next, list.length)] as T;

/** A request of HTTP that is wrong somewhere, most often. */
export interface Case {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly how: string;
}

interface Good {
  readonly name: string;
  readonly document: object;
  readonly binary?: Uint8Array;
}

const floats = (count: number): Uint8Array =>
  new Uint8Array(Float32Array.from({ length: count }, (_, i) => i).buffer);
const input = (name: string, datatype: string, shape: readonly number[], rest: object): object => ({
  name,
  datatype,
  shape,
  ...rest,
});

/** Requests that are right. */
export const GOOD: readonly Good[] = [
  { name: 'float32', document: { id: '1', inputs: [input('x', 'FP32', [2, 2], { data: [1, 2, 3, 4] })] } },
  {
    name: 'matrix',
    document: {
      inputs: [
        input('x', 'FP32', [1, 2, 3], {
          data: [
            [
              [1, 2, 3],
              [4, 5, 6],
            ],
          ],
        }),
      ],
    },
  },
  { name: 'int64', document: { inputs: [input('x', 'INT64', [1, 2], { data: [1, -1] })] } },
  { name: 'text', document: { inputs: [input('x', 'BYTES', [2], { data: ['a', 'ü'] })] } },
  {
    name: 'pair',
    document: {
      inputs: [input('a', 'FP32', [1, 2], { data: [1, 2] }), input('b', 'INT32', [1], { data: [3] })],
      outputs: [{ name: 'b', parameters: { binary_data: true } }],
      parameters: { priority: 1, timeout: 1_000_000 },
    },
  },
  {
    name: 'open',
    document: {
      inputs: [input('x', 'FP32', [2, 3], { parameters: { binary_data_size: 24 } })],
      parameters: { binary_data_output: true },
    },
    binary: floats(6),
  },
  {
    name: 'bool',
    document: { inputs: [input('x', 'BOOL', [1, 2], { parameters: { binary_data_size: 2 } })] },
    binary: Uint8Array.of(0, 1),
  },
  {
    name: 'text',
    document: { inputs: [input('x', 'BYTES', [2], { parameters: { binary_data_size: 10 } })] },
    binary: Uint8Array.of(1, 0, 0, 0, 97, 1, 0, 0, 0, 98),
  },
];

const JUNK: readonly ((next: Next) => unknown)[] = [
  () => null,
  () => true,
  () => -1,
  () => 0,
  () => 0.5,
  () => 2 ** 31,
  () => 2 ** 53,
  () => 1e308,
  () => '',
  () => '__proto__',
  () => 'x'.repeat(70_000),
  () => '\u0000\ud800',
  () => [],
  () => ({}),
  (next) => Array(below(next, 2000)).fill(1),
  (next) => nested(1 + below(next, 100)),
  (next) => ({ [pick(next, ['__proto__', 'constructor', 'length', 'toString'])]: { x: 1 } }),
  (next) => [below(next, 2 ** 31), below(next, 2 ** 31), below(next, 2 ** 31)],
];

const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);

/** All places in a document. */
function places(
  value: unknown,
  into: { holder: object; key: string }[] = [],
): { holder: object; key: string }[] {
  if (typeof value !== 'object' || value === null) return into;
  for (const key of Object.keys(value)) {
    into.push({ holder: value, key });
    places(Reflect.get(value, key), into);
  }
  return into;
}

function damagedDocument(good: object, next: Next): { readonly document: object; readonly how: string } {
  const document = structuredClone(good);
  const how: string[] = [];
  for (let i = 1 + below(next, 3); i > 0; i--) {
    const all = places(document);
    if (all.length === 0) break;
    const { holder, key } = pick(next, all);
    const way = next();
    if (way < 0.2) Reflect.deleteProperty(holder, key);
    else if (way < 0.3 && Array.isArray(holder)) holder.push(structuredClone(Reflect.get(holder, key)));
    else Reflect.set(holder, key, pick(next, JUNK)(next));
    how.push(key);
  }
  return { document, how: `document at ${how.join(', ')}` };
}

const LENGTHS = ['0', '-1', '1', '2', '999999999', '1e3', '0x10', ' 5', 'NaN', '9'.repeat(40), ''];

/** The next wrong request. */
export function nextCase(next: Next): Case {
  const { name, document, binary = new Uint8Array() } = pick(next, GOOD);
  const way = next();
  const damaged = way < 0.5 ? damagedDocument(document, next) : { document, how: '' };
  const json = Buffer.from(JSON.stringify(damaged.document));
  const headers: Record<string, string> = {};
  if (binary.length > 0) headers['inference-header-content-length'] = String(json.length);
  let body: Uint8Array = Buffer.concat([json, binary]);
  let { how } = damaged;
  if (way >= 0.5 && way < 0.8) {
    const changed = mutate(body, Buffer.from(JSON.stringify(pick(next, GOOD).document)), next);
    body = changed.bytes;
    how = `bytes: ${changed.how}`;
  } else if (way >= 0.8 && way < 0.9) {
    const length = next() < 0.5 ? pick(next, LENGTHS) : String(below(next, body.length + 2));
    headers['inference-header-content-length'] = length;
    how = `JSON of ${length} bytes`;
  } else if (way >= 0.9) {
    headers['content-encoding'] = pick(next, ['gzip', 'deflate', 'br', 'gzip, gzip', '']);
    body = next() < 0.5 ? body : mutate(gzipSync(body), json, next).bytes;
    how = `encoded as ${headers['content-encoding']}`;
  }
  return { name, headers, body, how };
}
