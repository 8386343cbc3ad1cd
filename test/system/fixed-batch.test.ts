import { writeFileSync } from 'node:fs';
import { type JobInput, runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { float32, int32, vectors, writeArrow } from '../helpers/arrow.js';
import { OnnxType, onnxModel } from '../helpers/onnx.js';
import { readColumn, workspace } from '../helpers/workspace.js';

// Models that take batches of one size only: y = −x of [4, 2], whatever the job's batch.size.
const ROWS = 30;
const SIZE = 4;

const model = (second: number = SIZE): Uint8Array =>
  onnxModel({
    operator: 'Mul',
    inputs: [
      { name: 'x', type: OnnxType.float32, dims: [SIZE, 2] },
      { name: 's', type: OnnxType.float32, dims: [second, 1] },
    ],
    outputs: [{ name: 'y', type: OnnxType.float32, dims: [SIZE, 2] }],
  });

function write(at: (...names: string[]) => string, bytes: Uint8Array): void {
  writeFileSync(at('model.onnx'), bytes);
  const ids = Array.from({ length: ROWS }, (_, i) => i);
  writeArrow(at('data.arrow'), [
    [
      int32('id', ids),
      vectors(
        'x',
        2,
        ids.flatMap((id) => [id, id + 0.5]),
      ),
      float32(
        's',
        ids.map(() => -1),
      ),
    ],
  ]);
}

const run = (at: (...names: string[]) => string, batch: JobInput['batch'] = {}) =>
  runJob({
    source: { uri: at('data.arrow') },
    model: { uri: at('model.onnx') },
    batch,
    sink: { uri: at('out'), keep: ['id'] },
  });

describe('a model that takes batches of one size', () => {
  test.each([{}, { size: 64 }, { size: 3, order: 'fixed' }] as const)(
    'decides the size, and the last batch runs full: %o',
    async (batch) => {
      const at = workspace();
      write(at, model());
      const report = await run(at, batch);
      expect(report.rows).toMatchObject({ read: ROWS, written: ROWS });
      expect(report.batches.count).toBeGreaterThanOrEqual(Math.ceil(ROWS / SIZE));
      expect(report.batches.paddingWaste).toBeGreaterThan(0);
      const ids = (await readColumn(at('out'), 'id')) as number[];
      expect(ids).toEqual(Array.from({ length: ROWS }, (_, i) => i));
      const rows = (await readColumn(at('out'), 'y')) as Iterable<number>[];
      expect(rows.map((row) => [...row])).toEqual(ids.map((id) => [-id, -id - 0.5]));
    },
  );

  test('of another size for another input is refused, and both are named', async () => {
    const at = workspace();
    write(at, model(1));
    await expect(run(at)).rejects.toThrow("the model's input x takes batches of exactly 4, and s of 1");
  });
});
