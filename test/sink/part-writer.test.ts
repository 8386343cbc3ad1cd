import { readFileSync } from 'node:fs';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { checkCodec, codecsOf } from '../../src/sink/codecs.js';
import { PartWriter } from '../../src/sink/part-writer.js';
import type { CompleteSplit } from '../../src/sink/types.js';
import { UsageError } from '../../src/util/errors.js';
import { contentOf, PLACES, placeOf } from '../helpers/outputs.js';
import { workspace } from '../helpers/workspace.js';
import { output, split } from './splits.js';

const SETTINGS = { compression: 'none', rowGroupRows: 1000 } as const;

function splitOf(ordinal: number, values: readonly number[]): CompleteSplit {
  const made = split([values.length], [output('y', { name: 'y', dtype: 'float32', rowDims: [] }, values)]);
  return { ...made, produced: { ...made.produced, split: ordinal, ordinal } };
}

describe('a part', () => {
  test.each([
    [0, 'part-00000.arrow'],
    [42, 'part-00042.arrow'],
    [123_456, 'part-123456.arrow'],
  ])('of split %i is written whole as %s, and nothing else', async (ordinal, file) => {
    const at = workspace();
    const location = { uri: at(), options: {} };
    const writer = await PartWriter.open({ location, format: 'arrow', settings: SETTINGS });
    const part = await writer.write(splitOf(ordinal, [1, 2, 3]));
    const content = readFileSync(at(file));
    expect(part).toEqual({ ordinal, file, rows: 3, bytes: content.length });
    expect(tableFromIPC(content).getChild('y')?.toArray()).toEqual(Float32Array.of(1, 2, 3));
  });

  test.each(PLACES)(
    'goes to %s with its dead letters, and written again is the same to the byte',
    async (kind) => {
      const place = await placeOf(kind);
      await place.store.prepare();
      const writer = await PartWriter.open({ location: place.location, format: 'jsonl', settings: SETTINGS });
      const letter = { file: 'f', split: 1, row: 7, column: null, reason: 'bad', values: {} };
      const made = splitOf(1, [4, 5]);
      const complete = { ...made, produced: { ...made.produced, deadLetters: [letter] } };
      const part = await writer.write(complete);
      expect(part).toEqual({ ordinal: 1, file: 'part-00001.jsonl', rows: 2, bytes: 16, deadLettered: 1 });
      const first = await contentOf(place);
      expect(first).toEqual({
        'part-00001.jsonl': '{"y":4}\n{"y":5}\n',
        '_dead_letters/part-00001.jsonl': `${JSON.stringify(letter)}\n`,
      });
      await writer.write(complete);
      expect(await contentOf(place)).toEqual(first);
    },
  );

  test.each(['arrow', 'parquet', 'jsonl'])(
    'in %s is written in every codec of that format',
    async (format) => {
      const at = workspace();
      for (const compression of codecsOf(format)) {
        try {
          checkCodec(format, compression);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          expect(compression).toBe('zstd');
          continue;
        }
        const target = {
          location: { uri: at(), options: {} },
          format,
          settings: { ...SETTINGS, compression },
        };
        const part = await (await PartWriter.open(target)).write(splitOf(0, [1, 2, 3]));
        expect(part).toMatchObject({
          file: `part-00000.${format}`,
          bytes: readFileSync(at(part.file)).length,
        });
      }
    },
  );
});

test('zstd in Arrow files is refused where Node has none, with what to do', () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const has = major > 22 || (major === 22 && minor >= 15);
  const check = (): void => checkCodec('arrow', 'zstd');
  if (has) expect(check).not.toThrow();
  else
    expect(check).toThrow(
      `sink.compression: zstd in Arrow files needs Node 22.15 or later, not v${process.versions.node}`,
    );
  expect(() => checkCodec('parquet', 'zstd')).not.toThrow();
});
