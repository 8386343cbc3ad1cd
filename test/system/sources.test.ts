import { copyFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as arrow from 'apache-arrow';
import { type JobInput, runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { streamOfPieces } from '../dataset/columns.js';
import { readColumn, workspace } from '../helpers/workspace.js';

const folder = fileURLToPath(new URL('../dataset/fixtures/pyarrow/', import.meta.url));

const job = (uri: string, out: string, changes: Partial<JobInput> = {}): JobInput => ({
  name: 'sources',
  source: { uri },
  model: { runtime: 'simulated' },
  inputs: { x: { column: 'x', shape: [] } },
  sink: { uri: out },
  ...changes,
});

describe.each(['lists.arrows', 'lists-zstd.arrows', 'lists-lz4.arrow', 'lists-zstd.arrow'])('%s', (name) => {
  test('goes through a job: tensors from lists, and any column is kept', async () => {
    const at = workspace();
    copyFileSync(`${folder}${name}`, at(name));
    const kept = ['struct', 'nested', 'large'];
    const report = await runJob(
      job(at(name), at('out'), {
        source: { uri: at(name), limit: 4 },
        inputs: { x: { column: 'vector', shape: [2] } },
        sink: { uri: at('out'), keep: kept },
      }),
    );
    expect(report.rows.written).toBe(4);
    expect(await readColumn(at('out'), 'checksum')).toEqual([0, 0, 0, 0]);
    const [first] = (await readColumn(at('out'), 'struct')) as { x: bigint; s: string }[];
    expect([first?.x, first?.s]).toEqual([0n, 's0']);
  });
});

test('dictionaries that are replaced in a stream stay right in its part', async () => {
  const at = workspace();
  const { words, ids } = writeWords(at('words.arrows'));
  const report = await runJob(
    job(at('words.arrows'), at('out'), {
      source: { uri: at('words.arrows'), format: 'arrow-stream' },
      inputs: { x: { column: 'id', shape: [] } },
      sink: { uri: at('out'), keep: ['id', 'word'] },
    }),
  );
  expect(report.rows.written).toBe(words.length);
  expect(await readColumn(at('out'), 'id')).toEqual(ids);
  expect(await readColumn(at('out'), 'word')).toEqual(words);
});

/** Three record batches, each with a dictionary of its own. */
function writeWords(path: string): { words: string[]; ids: number[] } {
  const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8(), 1);
  const ab = arrow.vectorFromArray(['a', 'b'], new arrow.Utf8());
  const dictionaries = [
    ab,
    ab.concat(arrow.vectorFromArray(['c'], new arrow.Utf8())),
    arrow.vectorFromArray(['x', 'y'], new arrow.Utf8()),
  ];
  const pieces = dictionaries.map((dictionary, batch) => {
    const data = Int8Array.of(0, 1, dictionary.length - 1);
    const ids = arrow.vectorFromArray(
      [0, 1, 2].map((i) => 3 * batch + i),
      new arrow.Int32(),
    );
    return [ids.data[0] as arrow.Data, arrow.makeData({ type, length: 3, nullCount: 0, data, dictionary })];
  });
  writeFileSync(path, streamOfPieces(['id', 'word'], pieces));
  return { words: [...'abb', ...'abc', ...'xyy'], ids: [0, 1, 2, 3, 4, 5, 6, 7, 8] };
}
