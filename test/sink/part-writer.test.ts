import { mkdirSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { planSlotLayout } from '../../src/ring/layout.js';
import { writeError, writeFileAtomically } from '../../src/sink/atomic-file.js';
import { checkFormat, writePart } from '../../src/sink/part-writer.js';
import type { CompleteSplit } from '../../src/sink/types.js';
import { StorageError, UsageError } from '../../src/util/errors.js';
import { workspace } from '../helpers/workspace.js';

function split(ordinal: number, values: readonly number[]): CompleteSplit {
  const tensor = { name: 'y', dtype: 'float32', rowDims: [] } as const;
  const [region] = planSlotLayout([{ length: 1, capacity: 1 }], [], [tensor]).outputs;
  if (region === undefined) throw new Error('no region');
  return {
    produced: {
      split: ordinal,
      ordinal,
      rowsRead: values.length,
      deadLetters: [],
      origins: [],
      batchRows: [values.length],
      keep: [],
      bytes: 0,
    },
    outputs: [{ as: 'y', tensor: region, values: Float32Array.from(values) }],
  };
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('a part', () => {
  test.each([
    [0, 'part-00000.arrow'],
    [42, 'part-00042.arrow'],
    [123_456, 'part-123456.arrow'],
  ])('of split %i is written whole as %s, and nothing else', async (ordinal, file) => {
    const at = workspace();
    const part = await writePart({ directory: at(), format: 'arrow' }, split(ordinal, [1, 2, 3]));
    const content = readFileSync(at(file));
    expect(part).toEqual({ ordinal, file, rows: 3, bytes: content.length });
    expect(tableFromIPC(content).getChild('y')?.toArray()).toEqual(Float32Array.of(1, 2, 3));
    expect(readdirSync(at())).toEqual([file]);
  });

  test('written again is the same to the byte', async () => {
    const at = workspace();
    const target = { directory: at(), format: 'arrow' };
    await writePart(target, split(1, [4, 5]));
    const first = readFileSync(at('part-00001.arrow'));
    await writePart(target, split(1, [4, 5]));
    expect(readFileSync(at('part-00001.arrow')).equals(first)).toBe(true);
  });
});

describe('a file that is written atomically', () => {
  test('takes the place of another at once: who has that open goes on reading it', async () => {
    const at = workspace();
    writeFileSync(at('f'), 'the old content');
    const reader = openSync(at('f'), 'r');
    await writeFileAtomically(at(), 'f', bytes('new'));
    const old = Buffer.alloc(100);
    expect(old.toString('utf8', 0, readSync(reader, old))).toBe('the old content');
    expect(readFileSync(at('f'), 'utf8')).toBe('new');
  });

  test('may be empty', async () => {
    const at = workspace();
    await writeFileAtomically(at(), '_SUCCESS', new Uint8Array(0));
    expect(readFileSync(at('_SUCCESS'))).toHaveLength(0);
  });

  test('leaves nothing behind where its place is taken by a directory', async () => {
    const at = workspace();
    mkdirSync(at('f'));
    const failure = writeFileAtomically(at(), 'f', bytes('new'));
    await expect(failure).rejects.toBeInstanceOf(StorageError);
    await expect(failure).rejects.toThrow(`${at('f')}: can't be written: `);
    expect(readdirSync(at())).toEqual(['f']);
  });

  test('says so where the directory is gone', async () => {
    const at = workspace();
    rmSync(at(), { recursive: true });
    const failure = writeFileAtomically(at(), 'f', bytes('new'));
    await expect(failure).rejects.toBeInstanceOf(StorageError);
    await expect(failure).rejects.toMatchObject({ place: { file: at('f') } });
  });

  test('leaves nothing behind where it can not be written to its end', async () => {
    const at = workspace();
    // As a full disk does, but on any machine: more than a file can be told to hold.
    const endless = new Proxy(new Uint8Array(1), {
      get: (target, key) => {
        if (key === 'byteLength') throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
        return Reflect.get(target, key, target);
      },
    });
    await expect(writeFileAtomically(at(), 'f', endless)).rejects.toBeInstanceOf(StorageError);
    expect(readdirSync(at())).toEqual([]);
  });
});

test.each(['ENOSPC', 'EDQUOT'])('%s is a full disk, with what to do about it', (code) => {
  const error = writeError('out/part-00001.arrow', Object.assign(new Error('write'), { code }));
  expect(error).toBeInstanceOf(StorageError);
  expect(error.message).toBe('out/part-00001.arrow: the disk is full');
  expect(error.hint).toContain('run the same job again');
});

test('a format that is not there is refused, with those that are', () => {
  expect(() => checkFormat('arrow')).not.toThrow();
  expect(() => checkFormat('none')).not.toThrow();
  expect(() => checkFormat('csv')).toThrow(UsageError);
  expect(() => checkFormat('csv')).toThrow('sink.format: this version writes arrow and none, not csv');
});
