import { Builder } from 'flatbuffers';
import { describe, expect, test } from 'vitest';
import { checkFlatbuffer, type Shape } from '../../src/dataset/flatbuffer.js';

const LEAF: Shape = { 0: { text: true } };
const NODE: { [slot: number]: Shape[number] } = { 0: { scalar: 8 }, 1: { vector: 8 } };
NODE[2] = { tables: NODE };
NODE[3] = { table: LEAF };

/** A node with three numbers, two nodes below it and a leaf. */
function sample(): Uint8Array {
  const builder = new Builder();
  const node = (children: number[]): number => {
    const text = builder.createString('leaf');
    builder.startObject(1);
    builder.addFieldOffset(0, text, 0);
    const leaf = builder.endObject();
    builder.startVector(8, 3, 8);
    for (const value of [1n, 2n, 3n]) builder.addInt64(value);
    const numbers = builder.endVector();
    builder.startVector(4, children.length, 4);
    for (const child of children) builder.addOffset(child);
    const below = builder.endVector();
    builder.startObject(4);
    builder.addFieldInt64(0, 7n, 0n);
    builder.addFieldOffset(1, numbers, 0);
    builder.addFieldOffset(2, below, 0);
    builder.addFieldOffset(3, leaf, 0);
    return builder.endObject();
  };
  builder.finish(node([node([]), node([])]));
  return Uint8Array.from(builder.asUint8Array());
}

const good = sample();

test('a flatbuffer that is whole passes', () => {
  expect(() => checkFlatbuffer(good, NODE)).not.toThrow();
});

describe('what lies outside is told', () => {
  test('cut off anywhere', () => {
    // Behind the last string is nothing but its terminator and padding.
    for (let length = 0; length < good.length - 4; length++)
      expect(() => checkFlatbuffer(good.subarray(0, length), NODE), `${length}`).toThrow(RangeError);
  });

  test('any word changed: it passes or is told, and ends', () => {
    for (let at = 0; at + 4 <= good.length; at += 2) {
      for (const word of [0, 1, -1, 4, good.length, 0x7fffffff, -0x80000000]) {
        const bytes = good.slice();
        new DataView(bytes.buffer).setInt32(at, word, true);
        try {
          checkFlatbuffer(bytes, NODE);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }
    }
  });

  test('tables that hold themselves', () => {
    // A table at 8 whose vector of tables, at 20, points back to it; its vtable is at 28.
    const bytes = new Uint8Array(40);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 8, true);
    view.setInt32(8, 8 - 28, true);
    view.setUint32(12, 8, true);
    view.setUint32(20, 1, true);
    view.setUint32(24, 0xffffffff, true);
    view.setUint16(28, 10, true);
    view.setUint16(30, 8, true);
    view.setUint16(36, 4, true);
    // Offsets are not signed: none points backwards.
    expect(() => checkFlatbuffer(bytes, NODE)).toThrow('lies at bytes');
  });
});
