// The same network in plain loops and float64, a layer after another: slow, and easy to believe. What a device computes
// is held against it.
import { NORMALISATION } from './resnet.mjs';

/** @typedef {{ channels: number, height: number, width: number, data: Float64Array }} Map3 */

/**
 * @param {readonly import('./resnet.mjs').Layer[]} layers
 * @param {Uint8Array} image [side, side, 3]
 * @param {number} side
 * @returns {Float64Array} the logits
 */
export function resnetReference(layers, image, side) {
  const pixels = { channels: 3, height: side, width: side, data: normalised(image, side) };
  /** @type {Map<string, Map3>} */
  const maps = new Map([['pixels', pixels]]);
  // Whoever is not read any more makes room for those after it.
  const lastUse = new Map();
  layers.forEach((layer, i) => {
    lastUse.set(layer.input, i);
    if (layer.kind === 'add') lastUse.set(layer.other, i);
  });
  layers.forEach((layer, i) => {
    maps.set(layer.name, apply(layer, maps));
    for (const [name, last] of lastUse) if (last === i) maps.delete(name);
  });
  return maps.get('logits').data;
}

function normalised(image, side) {
  const { scale, shift } = NORMALISATION;
  const data = new Float64Array(3 * side * side);
  for (let place = 0; place < side * side; place++) {
    for (let channel = 0; channel < 3; channel++) {
      data[channel * side * side + place] = image[place * 3 + channel] * scale[channel] + shift[channel];
    }
  }
  return data;
}

function apply(layer, maps) {
  const input = maps.get(layer.input);
  switch (layer.kind) {
    case 'conv':
      return conv(input, layer);
    case 'relu':
      return { ...input, data: input.data.map((value) => Math.max(0, value)) };
    case 'add': {
      const other = maps.get(layer.other).data;
      return { ...input, data: input.data.map((value, i) => value + other[i]) };
    }
    case 'maxpool':
      return maxPool(input);
    case 'mean':
      return mean(input);
    case 'dense':
      return dense(input, layer);
  }
}

function conv({ height, width, data }, { from, to, size, stride, pad, weight, bias }) {
  const outHeight = Math.floor((height + 2 * pad - size) / stride) + 1;
  const outWidth = Math.floor((width + 2 * pad - size) / stride) + 1;
  const plane = outHeight * outWidth;
  const out = new Float64Array(to * plane);
  for (let o = 0; o < to; o++) {
    out.fill(bias[o], o * plane, (o + 1) * plane);
    for (let c = 0; c < from; c++) {
      for (let ky = 0; ky < size; ky++) {
        for (let kx = 0; kx < size; kx++) {
          const factor = weight[((o * from + c) * size + ky) * size + kx];
          // Of the columns, those whose pixel lies within the image.
          const first = Math.max(0, Math.ceil((pad - kx) / stride));
          const last = Math.min(outWidth - 1, Math.floor((width - 1 + pad - kx) / stride));
          for (let y = 0; y < outHeight; y++) {
            const row = y * stride + ky - pad;
            if (row < 0 || row >= height) continue;
            const source = (c * height + row) * width + kx - pad;
            const target = o * plane + y * outWidth;
            for (let x = first; x <= last; x++) out[target + x] += factor * data[source + x * stride];
          }
        }
      }
    }
  }
  return { channels: to, height: outHeight, width: outWidth, data: out };
}

function maxPool({ channels, height, width, data }) {
  const outHeight = Math.floor((height - 1) / 2) + 1;
  const outWidth = Math.floor((width - 1) / 2) + 1;
  const out = new Float64Array(channels * outHeight * outWidth).fill(Number.NEGATIVE_INFINITY);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++) {
        const place = (c * outHeight + y) * outWidth + x;
        for (let row = Math.max(0, 2 * y - 1); row <= Math.min(height - 1, 2 * y + 1); row++) {
          for (let column = Math.max(0, 2 * x - 1); column <= Math.min(width - 1, 2 * x + 1); column++) {
            out[place] = Math.max(out[place], data[(c * height + row) * width + column]);
          }
        }
      }
    }
  }
  return { channels, height: outHeight, width: outWidth, data: out };
}

function mean({ channels, height, width, data }) {
  const plane = height * width;
  const out = Float64Array.from({ length: channels }, (_, c) => {
    let sum = 0;
    for (let i = c * plane; i < (c + 1) * plane; i++) sum += data[i];
    return sum / plane;
  });
  return { channels, height: 1, width: 1, data: out };
}

function dense({ data }, { from, to, weight, bias }) {
  const out = Float64Array.from(bias);
  for (let i = 0; i < from; i++) for (let o = 0; o < to; o++) out[o] += data[i] * weight[i * to + o];
  return { channels: to, height: 1, width: 1, data: out };
}
