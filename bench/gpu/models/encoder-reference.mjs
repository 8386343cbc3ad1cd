// The same encoder in plain loops and float64, of one text without padding: slow, and easy to believe. What a device
// computes is held against it.
import { EPSILON, GELU, SHAPE } from './encoder.mjs';

/**
 * @param {ReturnType<typeof import('./encoder.mjs').encoderWeights>} weights
 * @param {ArrayLike<number>} ids of one text
 * @returns {Float64Array} its vector
 */
export function encoderReference(weights, ids) {
  const { width } = SHAPE;
  const rows = ids.length;
  let x = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) {
      x[row * width + i] = weights.tokens[ids[row] * width + i] + weights.positions[row * width + i];
    }
  }
  x = normed(x, weights.norm);
  for (const layer of weights.layers) {
    const joined = dense(attention(x, rows, layer), layer.joined);
    const attended = normed(added(x, joined), layer.norm1);
    const inner = dense(attended, layer.up).map(gelu);
    x = normed(added(attended, dense(inner, layer.down)), layer.norm2);
  }
  return Float64Array.from({ length: width }, (_, i) => {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += x[row * width + i];
    return sum / rows;
  });
}

function attention(x, rows, layer) {
  const { width, heads } = SHAPE;
  const size = width / heads;
  const [query, key, value] = [layer.query, layer.key, layer.value].map((part) => dense(x, part));
  const out = new Float64Array(rows * width);
  const scores = new Float64Array(rows);
  for (let head = 0; head < heads; head++) {
    const from = head * size;
    for (let row = 0; row < rows; row++) {
      for (let other = 0; other < rows; other++) {
        let sum = 0;
        for (let i = from; i < from + size; i++) sum += query[row * width + i] * key[other * width + i];
        scores[other] = sum / Math.sqrt(size);
      }
      const most = Math.max(...scores);
      const shares = scores.map((score) => Math.exp(score - most));
      const all = shares.reduce((sum, share) => sum + share, 0);
      for (let other = 0; other < rows; other++) {
        for (let i = from; i < from + size; i++)
          out[row * width + i] += (shares[other] / all) * value[other * width + i];
      }
    }
  }
  return out;
}

function dense(x, { from, to, weight, bias }) {
  const rows = x.length / from;
  const out = new Float64Array(rows * to);
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < to; o++) out[row * to + o] = bias[o];
    for (let i = 0; i < from; i++) {
      const factor = x[row * from + i];
      for (let o = 0; o < to; o++) out[row * to + o] += factor * weight[i * to + o];
    }
  }
  return out;
}

function normed(x, { scale, shift }) {
  const width = scale.length;
  const out = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += x[start + i];
    const mean = sum / width;
    let squares = 0;
    for (let i = 0; i < width; i++) squares += (x[start + i] - mean) ** 2;
    const deviation = Math.sqrt(squares / width + EPSILON);
    for (let i = 0; i < width; i++)
      out[start + i] = ((x[start + i] - mean) / deviation) * scale[i] + shift[i];
  }
  return out;
}

function added(a, b) {
  return a.map((value, i) => value + b[i]);
}

function gelu(x) {
  return (x / 2) * (1 + Math.tanh(GELU.root * (x + GELU.cubic * x ** 3)));
}
