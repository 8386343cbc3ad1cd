import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { loadJob, runJob } from 'penstock';
import { beforeAll, describe, expect, test } from 'vitest';
import { readArrow } from '../helpers/arrow.js';
import { readColumn, readParts, workspace } from '../helpers/workspace.js';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const JOB = `${repository}examples/digits/job.yaml`;

/** Logits of every row, by a plain loop over onnxruntime-node: one row at a time, no batches, no threads of ours. */
async function plainLoop(): Promise<{ ids: number[]; logits: Float32Array[] }> {
  const table = readArrow(`${repository}examples/digits/digits.arrow`);
  const session = await InferenceSession.create(`${repository}native-models/digits/digits.onnx`);
  const ids: number[] = [];
  const logits: Float32Array[] = [];
  for (const row of table) {
    const image = Float32Array.from(row.pixels as Iterable<number>, (pixel) => pixel / 255);
    const results = await session.run({ image: new Tensor('float32', image, [1, 1, 28, 28]) });
    ids.push(row.id as number);
    logits.push(results.logits?.data as Float32Array);
  }
  await session.release();
  return { ids, logits };
}

const argmax = (values: ArrayLike<number>): number =>
  Array.from(values).indexOf(Math.max(...Array.from(values)));

describe('the digits example', () => {
  let expected: Awaited<ReturnType<typeof plainLoop>>;
  beforeAll(async () => {
    expected = await plainLoop();
  });

  const grid = [1, 2, 4].flatMap((producers) =>
    [1, 7, 64].flatMap((size) => [2, 8].map((slots) => ({ producers, size, slots }))),
  );

  test.each(grid)(
    'gives what a plain loop gives: producers $producers, batches of $size, $slots slots',
    async (settings) => {
      const at = workspace();
      const job = await loadJob(JOB, {
        set: [
          `sink.uri=${at('out')}`,
          `producers=${settings.producers}`,
          `batch.size=${settings.size}`,
          `ring.slots=${settings.slots}`,
          // However long it takes on a busy machine.
          'model.instances=1',
        ],
      });
      const report = await runJob(job);

      const ids = await readColumn(at('out'), 'id');
      expect(ids).toEqual(expected.ids);
      const logits = (await readColumn(at('out'), 'logits')) as Iterable<number>[];
      logits.forEach((row, i) => {
        const values = Array.from(row);
        const plain = expected.logits[i] as Float32Array;
        expect(argmax(values)).toBe(argmax(plain));
        values.forEach((value, k) => {
          expect(Math.abs(value - (plain[k] as number))).toBeLessThan(1e-4);
        });
      });

      expect(report.rows).toEqual({ read: 2000, written: 2000, deadLettered: 0, resumed: 0 });
      const [device] = report.devices;
      if (device === undefined) throw new Error('no device');
      expect(device.busy + device.starved.total + device.blocked).toBeCloseTo(1, 2);
      const { fetch, prep, batching, total } = device.starved;
      expect(fetch + prep + batching).toBeCloseTo(total, 3);
      expect(device).toMatchObject({ runtime: 'onnx', provider: 'cpu', simulated: false, instances: 1 });
      const { count, meanRows } = report.batches;
      expect(count * meanRows).toBeCloseTo(2000, 0);
      expect(
        Object.values(report.producers).reduce((sum, share) => sum + share, 0) - settings.producers,
      ).toBeCloseTo(1, 2);
    },
  );

  test('writes a part for each split, the manifest, the marker, and nothing else', async () => {
    const at = workspace();
    await runJob(await loadJob(JOB, { set: [`sink.uri=${at('out')}`] }));
    const names = (await readdir(at('out'))).sort();
    expect(names).toEqual([
      '_SUCCESS',
      '_manifest',
      'part-00000.arrow',
      'part-00001.arrow',
      'part-00002.arrow',
      'part-00003.arrow',
    ]);
    expect((await readdir(at('out', '_manifest'))).sort()).toEqual([
      'job.json',
      'lease-00001.json',
      'part-00000.json',
      'part-00001.json',
      'part-00002.json',
      'part-00003.json',
    ]);
    const [part] = await readParts(at('out'));
    expect(part?.schema.fields.map(({ name, type }) => `${name}: ${type}`)).toEqual([
      'id: Int32',
      'label: Uint8',
      'logits: FixedSizeList[10]<Float32>',
    ]);
    const logits = part?.schema.fields[2]?.metadata;
    expect(logits?.get('ARROW:extension:name')).toBe('arrow.fixed_shape_tensor');
    expect(JSON.parse(logits?.get('ARROW:extension:metadata') ?? '')).toEqual({ shape: [10] });
  });

  test('in fixed order gives the same bytes whatever the number of producers and slots', async () => {
    const at = workspace();
    const settings = [
      ['one', 'producers=1', 'ring.slots=8'],
      ['four', 'producers=4', 'ring.slots=2'],
    ];
    for (const [name, ...set] of settings) {
      await runJob(
        await loadJob(JOB, {
          set: [`sink.uri=${at(name as string)}`, 'batch.order=fixed', 'batch.size=48', ...set],
        }),
      );
    }
    const { readFile } = await import('node:fs/promises');
    for (const part of ['part-00000.arrow', 'part-00003.arrow']) {
      const [one, four] = await Promise.all([readFile(at('one', part)), readFile(at('four', part))]);
      expect(one.equals(four)).toBe(true);
    }
  });
});
