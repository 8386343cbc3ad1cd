import { writeFileSync } from 'node:fs';
import * as arrow from 'apache-arrow';
import { type JobInput, runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { writeArrow } from '../helpers/arrow.js';
import { OnnxType, onnxModel } from '../helpers/onnx.js';
import { random } from '../helpers/random.js';
import { readColumn, workspace } from '../helpers/workspace.js';

// A model that takes texts: whether each matches a regular expression, as ONNX Runtime sees it.
const PATTERN = 'a.*ä';
const MODEL = onnxModel({
  operator: 'RegexFullMatch',
  inputs: [{ name: 'text', type: OnnxType.string, dims: ['batch'] }],
  outputs: [{ name: 'matches', type: OnnxType.bool, dims: ['batch'] }],
  attributes: { pattern: PATTERN },
  opset: 20,
});
const FITS = new RegExp(`^(${PATTERN})$`, 'u');

const next = random(11);
const WORDS = ['a', 'ä', 'b', '', '日本', 'a b', '𝄞'];
const word = (): string => WORDS[Math.floor(next() * WORDS.length)] as string;
const TEXTS = Array.from({ length: 500 }, () => `a${word()}${word()}${next() < 0.5 ? 'ä' : 'x'}`);

/** Texts of one type, in two record batches (of one dictionary, in one), and the model. */
function write(
  at: (...names: string[]) => string,
  type: arrow.DataType,
  texts: (string | null)[] = TEXTS,
): void {
  writeFileSync(at('model.onnx'), MODEL);
  const half = arrow.DataType.isDictionary(type) ? texts.length : Math.ceil(texts.length / 2);
  const pieces = [texts.slice(0, half), texts.slice(half)].filter((some) => some.length > 0);
  writeArrow(
    at('data.arrow'),
    pieces.map((some) => [{ name: 'text', data: arrow.vectorFromArray(some, type).data[0] as arrow.Data }]),
  );
}

const run = (at: (...names: string[]) => string, changes: Partial<JobInput> = {}) =>
  runJob(
    {
      source: { uri: at('data.arrow') },
      model: { uri: at('model.onnx') },
      batch: { size: 7 },
      sink: { uri: at('out'), keep: ['text'] },
      ...changes,
    },
    { overwrite: true },
  );

const messageOf = (running: Promise<unknown>): Promise<string> =>
  running.then(
    () => 'nothing was thrown',
    (error: Error) => error.message,
  );

describe('a model that takes texts', () => {
  test.each([
    ['text', new arrow.Utf8()],
    ['large text', new arrow.LargeUtf8()],
    ['a dictionary', new arrow.Dictionary(new arrow.Utf8(), new arrow.Int16(), 3)],
  ])('gets them from a column of %s', async (_, type) => {
    const at = workspace();
    write(at, type);
    const { rows } = await run(at);
    expect(rows.written).toBe(TEXTS.length);
    expect(await readColumn(at('out'), 'text')).toEqual(TEXTS);
    const matches = TEXTS.map((text) => FITS.test(text));
    expect(matches).toContain(true);
    expect(matches).toContain(false);
    expect(Array.from((await readColumn(at('out'), 'matches')) as unknown[], Boolean)).toEqual(matches);
  });

  test('refuses a text for which there is no room, by row, and takes it with more', async () => {
    const at = workspace();
    write(at, new arrow.Utf8(), ['aä', `a${'b'.repeat(300)}ä`, 'x']);
    expect(await messageOf(run(at))).toBe(
      `${at('data.arrow')}: row 1, column "text": is 303 bytes long; inputs.*.maxBytes allows 256`,
    );
    await run(at, { inputs: { text: { maxBytes: 303 } } });
    expect(Array.from((await readColumn(at('out'), 'matches')) as unknown[], Boolean)).toEqual([
      true,
      true,
      false,
    ]);
  });

  test('takes a null for an error, or with nulls: zero for no text', async () => {
    const at = workspace();
    write(at, new arrow.Utf8(), ['aä', null, 'aä']);
    expect(await messageOf(run(at))).toContain('row 1, column "text": is null');
    await run(at, { inputs: { text: { nulls: 'zero' } } });
    expect(Array.from((await readColumn(at('out'), 'matches')) as unknown[], Boolean)).toEqual([
      true,
      false,
      true,
    ]);
  });

  test('puts rows that do not fit into the dead letters', async () => {
    const at = workspace();
    write(at, new arrow.Utf8(), ['aä', 'a'.repeat(257), null, 'aä']);
    const { rows } = await run(at, { errors: { maxRows: 2 } });
    expect(rows).toMatchObject({ read: 4, written: 2, deadLettered: 2 });
  });

  test('refuses numbers, and keys that are for numbers', async () => {
    const at = workspace();
    write(at, new arrow.Utf8());
    expect(await messageOf(run(at, { inputs: { text: { scale: 2 } } }))).toContain(
      'takes texts; of its keys',
    );
    writeArrow(at('data.arrow'), [
      [{ name: 'text', data: arrow.vectorFromArray([1, 2], new arrow.Int32()).data[0] as arrow.Data }],
    ]);
    expect(await messageOf(run(at))).toContain(
      'does not fit input text (string [batch]): expected a column of text, and one text a row',
    );
  });
});
