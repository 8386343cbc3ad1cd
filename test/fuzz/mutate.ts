type Next = () => number;

const below = (next: Next, limit: number): number => Math.floor(next() * limit);

/** What lengths, counts and offsets are tried. */
const WORDS: readonly ((word: number, size: number) => number)[] = [
  () => 0,
  () => -1,
  () => 1,
  () => 0x7fffffff,
  () => -0x80000000,
  (_, size) => size,
  (word) => word + 1,
  (word) => word - 1,
  (word) => word + 8,
  (word) => word * 2,
  (word) => -word,
];

/** A way to damage a file. */
type Mutation = (bytes: Uint8Array, next: Next, other: Uint8Array) => Uint8Array;

const region = (bytes: Uint8Array, next: Next, most = 64): [number, number] => {
  const from = below(next, bytes.length);
  return [from, Math.min(bytes.length, from + 1 + below(next, most))];
};

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  flip(bytes, next) {
    const out = bytes.slice();
    for (let i = 1 + below(next, 4); i > 0; i--) {
      const at = below(next, out.length);
      out[at] = (out[at] as number) ^ (1 << below(next, 8));
    }
    return out;
  },
  byte(bytes, next) {
    const out = bytes.slice();
    out[below(next, out.length)] = below(next, 256);
    return out;
  },
  truncate: (bytes, next) => bytes.slice(0, below(next, bytes.length)),
  word(bytes, next) {
    const out = bytes.slice();
    const view = new DataView(out.buffer);
    const at = 4 * below(next, out.length >> 2);
    const change = WORDS[below(next, WORDS.length)] as (typeof WORDS)[number];
    if (at + 4 <= out.length) view.setInt32(at, change(view.getInt32(at, true), out.length), true);
    return out;
  },
  /** Two words, since many lengths have 64 bits. */
  long(bytes, next) {
    const out = bytes.slice();
    const view = new DataView(out.buffer);
    const at = 8 * below(next, out.length >> 3);
    const change = WORDS[below(next, WORDS.length)] as (typeof WORDS)[number];
    if (at + 8 > out.length) return out;
    view.setBigInt64(at, BigInt(change(view.getInt32(at, true), out.length)), true);
    return out;
  },
  copy(bytes, next) {
    const out = bytes.slice();
    const [from, to] = region(bytes, next);
    out.copyWithin(below(next, out.length), from, to);
    return out;
  },
  repeat(bytes, next) {
    const [from, to] = region(bytes, next, 512);
    return join(bytes.subarray(0, to), bytes.subarray(from));
  },
  drop(bytes, next) {
    const [from, to] = region(bytes, next, 512);
    return join(bytes.subarray(0, from), bytes.subarray(to));
  },
  splice(bytes, next, other) {
    const at = 8 * below(next, Math.min(bytes.length, other.length) >> 3);
    return join(bytes.subarray(0, at), other.subarray(at));
  },
  fill(bytes, next) {
    const out = bytes.slice();
    const [from, to] = region(bytes, next);
    return out.fill(next() < 0.5 ? 0 : 0xff, from, to);
  },
};
const NAMES = Object.keys(MUTATIONS);

const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));

/** Damages a good file, in one to three ways. */
export function mutate(
  good: Uint8Array,
  other: Uint8Array,
  next: Next,
): { readonly bytes: Uint8Array; readonly how: string } {
  let bytes = Uint8Array.from(good);
  const how: string[] = [];
  for (let i = next() < 0.7 ? 1 : 1 + below(next, 3); i > 0 && bytes.length > 0; i--) {
    const name = NAMES[below(next, NAMES.length)] as string;
    bytes = Uint8Array.from((MUTATIONS[name] as Mutation)(bytes, next, other));
    how.push(name);
  }
  return { bytes, how: how.join(', ') };
}
