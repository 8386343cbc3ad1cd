import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { imageBytes, textTokens } from '../../bench/gpu/data.mjs';
import { encoderModel, encoderWeights, SHAPE } from '../../bench/gpu/models/encoder.mjs';
import { encoderReference } from '../../bench/gpu/models/encoder-reference.mjs';
import { CLASSES, resnetLayers, resnetModel } from '../../bench/gpu/models/resnet.mjs';
import { resnetReference } from '../../bench/gpu/models/resnet-reference.mjs';
import { compare } from '../../bench/gpu/parity.mjs';

/** The network does not care; a reference in plain loops does. */
const SIDE = 32;

describe('the convolutional network', () => {
  it('computes what plain loops in float64 do', async () => {
    const layers = resnetLayers();
    const images = [imageBytes(0, SIDE * SIDE * 3), imageBytes(1, SIDE * SIDE * 3)];
    const session = await InferenceSession.create(resnetModel(layers, SIDE));
    const { logits } = await session.run({
      image: new Tensor('uint8', Buffer.concat(images), [images.length, SIDE, SIDE, 3]),
    });
    const expected = images.map((image) => resnetReference(layers, image, SIDE));
    expect(compare(rowsOf(logits, CLASSES), expected, 'cpu')).toMatchObject({ agrees: true, sameLargest: 1 });
    await session.release();
  });

  it('has the size of ResNet-50', () => {
    const weights = resnetLayers().flatMap((layer) =>
      layer.kind === 'conv' || layer.kind === 'dense' ? [layer] : [],
    );
    const count = weights.reduce((sum, { weight, bias }) => sum + weight.length + bias.length, 0);
    // What torchvision's has, without the two numbers a channel that batch normalisation comes to one of.
    expect(weights).toHaveLength(54);
    expect(count / 25_530_472).toBeCloseTo(1, 3);
  });

  it('costs what ResNet-50 costs for an image of 224 × 224', () => {
    const sides = new Map([['pixels', 224]]);
    let multiplications = 0;
    for (const layer of resnetLayers()) {
      let side = sides.get(layer.input) ?? 0;
      if (layer.kind === 'conv') {
        const { from, to, size, stride, pad } = layer;
        side = Math.floor((side + 2 * pad - size) / stride) + 1;
        multiplications += side * side * from * to * size * size;
      }
      if (layer.kind === 'maxpool') side = Math.ceil(side / 2);
      if (layer.kind === 'dense') multiplications += layer.from * layer.to;
      sides.set(layer.name, side);
    }
    // torchvision's documents say 4.09 GFLOPS.
    expect(multiplications / 4.09e9).toBeCloseTo(1, 2);
    expect(sides.get('stage4.2.out')).toBe(7);
  });
});

describe('the encoder', () => {
  it('computes what plain loops in float64 do, however long the other texts of its batch are', async () => {
    const weights = encoderWeights();
    const texts = [textTokens(0).subarray(0, 5), textTokens(1).subarray(0, 8), Int32Array.of(7)];
    const length = 12;
    const ids = new Int32Array(texts.length * length);
    const mask = new Float32Array(texts.length * length);
    texts.forEach((text, row) => {
      ids.set(text, row * length);
      mask.fill(1, row * length, row * length + text.length);
    });
    const session = await InferenceSession.create(encoderModel(weights));
    const { embedding } = await session.run({
      input_ids: new Tensor('int32', ids, [texts.length, length]),
      attention_mask: new Tensor('float32', mask, [texts.length, length]),
    });
    const expected = texts.map((text) => encoderReference(weights, text));
    expect(compare(rowsOf(embedding, SHAPE.width), expected, 'cpu')).toMatchObject({ agrees: true });
    // Texts differ: a network that says the same of all would agree, too.
    expect(compare([expected[1] ?? []], [expected[0] ?? []], 'cpu').agrees).toBe(false);
    await session.release();
  });
});

function rowsOf(tensor: Tensor | undefined, width: number): Float32Array[] {
  const data = tensor?.data as Float32Array;
  return Array.from({ length: data.length / width }, (_, row) =>
    data.subarray(row * width, (row + 1) * width),
  );
}
