import { writeFileSync } from 'node:fs';
import type { Data } from 'apache-arrow';
import { Utf8, vectorFromArray } from 'apache-arrow';
import { benchJob } from 'penstock';
import { expect, test } from 'vitest';
import { float32, vectors, writeArrow } from '../helpers/arrow.js';
import { OnnxType, onnxModel } from '../helpers/onnx.js';
import { workspace } from '../helpers/workspace.js';

const BRIEF = { quick: true, seconds: 5 } as const;
const SLOW_TEST = 180_000;
const ROWS = 300;

test(
  'a model that takes batches of one size is measured at that, and no larger one is proposed',
  async () => {
    const at = workspace();
    const model = onnxModel({
      operator: 'Mul',
      inputs: [
        { name: 'x', type: OnnxType.float32, dims: [4, 2] },
        { name: 's', type: OnnxType.float32, dims: [4, 1] },
      ],
      outputs: [{ name: 'y', type: OnnxType.float32, dims: [4, 2] }],
    });
    writeFileSync(at('model.onnx'), model);
    const ones = Array.from({ length: ROWS }, () => 1);
    writeArrow(at('data.arrow'), [[vectors('x', 2, [...ones, ...ones]), float32('s', ones)]]);
    const report = await benchJob(
      { source: { uri: at('data.arrow') }, model: { uri: at('model.onnx') }, sink: { format: 'none' } },
      BRIEF,
    );
    expect(report.batchSize).toBe(4);
    expect(report.curve.map(({ batchSize }) => batchSize)).toEqual([4]);
    expect(report.knee.batchSize).toBe(4);
    expect(report.whatIf.map(({ change }) => change)).not.toContain('batch.size');
  },
  SLOW_TEST,
);

test(
  'a model that takes texts, of which the outputs are kept beside, is measured with them',
  async () => {
    const at = workspace();
    const model = onnxModel({
      operator: 'RegexFullMatch',
      inputs: [{ name: 'text', type: OnnxType.string, dims: ['batch'] }],
      outputs: [{ name: 'matches', type: OnnxType.bool, dims: ['batch'] }],
      attributes: { pattern: 'a.*z' },
      opset: 20,
    });
    writeFileSync(at('model.onnx'), model);
    const texts = Array.from({ length: ROWS }, (_, i) => `a${i % 2 === 0 ? 'z' : 'y'}`);
    const data = vectorFromArray(texts, new Utf8()).data[0] as Data;
    writeArrow(at('data.arrow'), [[{ name: 'text', data }]]);
    const report = await benchJob(
      {
        source: { uri: at('data.arrow') },
        model: { uri: at('model.onnx') },
        batch: { size: 8 },
        sink: { uri: at('out'), keep: ['text'] },
      },
      BRIEF,
    );
    const sizes = report.curve.map(({ batchSize }) => batchSize);
    expect(sizes).toEqual(expect.arrayContaining([8, 16, 32]));
    expect(report.ceilings.sink?.rowsPerSecond.median).toBeGreaterThan(0);
    expect(report.pipeline.report.rows.written).toBeGreaterThanOrEqual(ROWS);
  },
  SLOW_TEST,
);
