import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { OnnxType, onnxModel } from '../helpers/onnx.js';
import { workspace } from '../helpers/workspace.js';
import { penstock, repository } from './penstock.js';

const DATA = `${repository}examples/digits/digits.arrow`;
const MODEL = `${repository}native-models/digits/digits.onnx`;

describe('inspect', () => {
  test('tells what a data set holds', async () => {
    const { code, stdout, stderr } = await penstock('inspect', DATA);
    expect(code).toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain('digits.arrow (arrow)\n  2,000 rows, 1.6 MB, 1 file, 4 splits');
    expect(stderr).toMatch(/ {2}pixels {2}FixedSizeList\[784\]<Uint8>/);
  });

  test.each([
    ['parquet/codec-zstd.parquet', 'codec-zstd.parquet (parquet, ZSTD)'],
    ['parquet/codec-none.parquet', 'codec-none.parquet (parquet)'],
    ['pyarrow/numbers-lz4.arrow', 'numbers-lz4.arrow (arrow, LZ4)'],
    ['pyarrow/numbers-zstd.arrows', 'numbers-zstd.arrows (arrow-stream, ZSTD)'],
  ])('tells how %s is compressed', async (name, text) => {
    const { code, stderr } = await penstock('inspect', `${repository}test/dataset/fixtures/${name}`);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(text);
  });

  test('tells what a model takes and gives', async () => {
    const { code, stderr } = await penstock('inspect', MODEL);
    expect(code).toBe(0);
    expect(stderr).toContain('image   float32 [batch, 1, 28, 28]');
    expect(stderr).toContain('logits  float32 [batch, 10]');
  });

  test('tells what a model gives that can not be written', async () => {
    const at = workspace();
    const texts = { name: 'text', type: OnnxType.string, dims: ['batch'] };
    const inputs = [{ ...texts, name: 'word' }];
    writeFileSync(at('model.onnx'), onnxModel({ operator: 'Identity', inputs, outputs: [texts] }));
    const { code, stderr } = await penstock('inspect', at('model.onnx'));
    expect(code).toBe(0);
    expect(stderr).toContain('word  string [batch]');
    expect(stderr).toContain("text  a tensor of string, which can't be written");
  });

  test.each(['tfjs-graph', 'tfjs-graph/model.json'])('knows a TensorFlow model by %s', async (name) => {
    const { code, stderr } = await penstock('inspect', `${repository}native-models/digits/${name}`);
    expect(code).toBe(0);
    expect(stderr).toContain('(tensorflow)');
    expect(stderr).toContain('image   float32 [batch, 28, 28, 1]');
  });

  test('--json prints one document', async () => {
    const dataset = JSON.parse((await penstock('inspect', DATA, '--json')).stdout);
    expect(dataset).toEqual({
      kind: 'dataset',
      uri: DATA,
      format: 'arrow',
      compression: [],
      files: 1,
      bytes: expect.any(Number),
      rows: 2000,
      splits: 4,
      columns: [
        { name: 'id', type: 'Int32', nullable: false },
        { name: 'label', type: 'Uint8', nullable: false },
        { name: 'pixels', type: 'FixedSizeList[784]<Uint8>', nullable: false },
      ],
    });
    const both = JSON.parse((await penstock('inspect', DATA, '--model', MODEL, '--json')).stdout);
    expect(both).toMatchObject({
      dataset,
      model: { inputs: [{ name: 'image', dtype: 'float32', dims: ['batch', 1, 28, 28] }] },
      proposal: { inputs: { image: { column: 'pixels', scale: 1 / 255 } }, lengthColumn: null },
    });
  });

  test('proposes a piece of a job file that runs as it is', async () => {
    const at = workspace();
    const { code, stdout, stderr } = await penstock('inspect', DATA, '--model', MODEL);
    expect(code).toBe(0);
    expect(stderr).toContain('image is made of pixels, the column that fits: check it.');
    const job = {
      source: { uri: DATA },
      model: { uri: MODEL },
      ...parse(stdout),
      sink: { uri: at('out'), keep: ['label'] },
    };
    writeFileSync(at('job.yaml'), stringify(job));
    const ran = await penstock('run', at('job.yaml'), '--json');
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout).rows.written).toBe(2000);
  });

  test('says which file is not there, and which is none', async () => {
    const absent = await penstock('inspect', 'absent.arrow');
    expect(absent.code).toBe(1);
    expect(absent.stderr).toContain('absent.arrow: no such file or directory');
    const swapped = await penstock('inspect', DATA, '--model', DATA, '--json');
    expect(swapped.code).toBe(1);
    expect(JSON.parse(swapped.stdout)).toMatchObject({ status: 'failed', error: { code: 'DEVICE' } });
  });
});
