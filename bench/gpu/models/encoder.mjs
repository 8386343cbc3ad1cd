// A transformer encoder in the shape of those that make sentences into vectors (MiniLM's: 6 layers, 384 wide, 12 heads):
// token ids of any length in, one vector a text out, the mean over its tokens. Its weights are not trained; what it
// costs is what such encoders cost: 10.6 million multiply-adds a token, and what the tokens look at one another besides.
import { Graph, TYPE } from './onnx.mjs';
import { seeded, spread } from './weights.mjs';

const SEED = 6;
export const SHAPE = { layers: 6, width: 384, heads: 12, inner: 1536, vocabulary: 30_522, positions: 512 };
export const EPSILON = 1e-12;
/** What is added to the score of padding: after the softmax nothing is left of it. */
const AWAY = 10_000;

/**
 * @typedef {{ query: Dense, key: Dense, value: Dense, joined: Dense, norm1: Norm, up: Dense, down: Dense, norm2: Norm }} Layer
 * @typedef {{ from: number, to: number, weight: Float32Array, bias: Float32Array }} Dense weight is [from, to]
 * @typedef {{ scale: Float32Array, shift: Float32Array }} Norm
 */

/** @returns {{ tokens: Float32Array, positions: Float32Array, norm: Norm, layers: Layer[] }} */
export function encoderWeights() {
  const { layers, width, inner, vocabulary, positions } = SHAPE;
  const random = seeded(SEED);
  const dense = (from, to) => ({
    from,
    to,
    weight: spread(random, from * to, Math.sqrt(1 / from)),
    bias: spread(random, to, 0.02),
  });
  const norm = () => ({
    scale: spread(random, width, 0.1).map((value) => 1 + value),
    shift: spread(random, width, 0.1),
  });
  return {
    tokens: spread(random, vocabulary * width, 1),
    positions: spread(random, positions * width, 0.5),
    norm: norm(),
    layers: Array.from({ length: layers }, () => ({
      query: dense(width, width),
      key: dense(width, width),
      value: dense(width, width),
      joined: dense(width, width),
      norm1: norm(),
      up: dense(width, inner),
      down: dense(inner, width),
      norm2: norm(),
    })),
  };
}

/**
 * @param {ReturnType<typeof encoderWeights>} weights
 * @returns {Buffer} the bytes of an ONNX model: input_ids, int32 [batch, length], and attention_mask, float32
 *   [batch, length], 1 for a token and 0 for padding → embedding, float32 [batch, 384]
 */
export function encoderModel(weights) {
  const { width, heads, vocabulary, positions } = SHAPE;
  const graph = new Graph();
  const { node } = methods(graph);
  const constants = {
    split: graph.integers('split', [0, 0, heads, width / heads]),
    merge: graph.integers('merge', [0, 0, width]),
    root: graph.number('root', Math.sqrt(heads / width)),
  };
  // Embeddings of the tokens, and of their places.
  const length = node('Shape', ['input_ids'], 'length', { start: 1, end: 2 });
  const table = graph.weight('positions', [positions, width], weights.positions);
  const [zero, first] = [graph.integers('zero', [0]), graph.integers('first', [0])];
  const places = node('Slice', [table, zero, length, first], 'places');
  const tokens = graph.weight('tokens', [vocabulary, width], weights.tokens);
  const found = node('Gather', [tokens, 'input_ids'], 'found');
  let at = addNorm(graph, 'norm', node('Add', [found, places], 'embedded'), weights.norm);
  // 0 for tokens, −AWAY for padding, for every head and every token that looks.
  const mask = node('Unsqueeze', ['attention_mask', graph.integers('mask.axes', [1, 2])], 'mask.wide');
  const less = node('Sub', [mask, graph.number('one', 1)], 'mask.less');
  const away = node('Mul', [less, graph.number('away', AWAY)], 'mask.away');
  weights.layers.forEach((layer, i) => {
    at = addLayer(graph, `layer${i}`, at, layer, away, constants);
  });
  // The mean over tokens that are there.
  const last = graph.integers('last', [2]);
  const column = node('Unsqueeze', ['attention_mask', last], 'mask.column');
  const kept = node('Mul', [at, column], 'kept');
  const middle = graph.integers('middle', [1]);
  const sum = node('ReduceSum', [kept, middle], 'sum', { keepdims: 0 });
  const count = node('ReduceSum', ['attention_mask', middle], 'count', { keepdims: 1 });
  node('Div', [sum, count], 'embedding');
  const dims = ['batch', 'length'];
  return graph.model(
    'encoder',
    [
      { name: 'input_ids', type: TYPE.int32, dims },
      { name: 'attention_mask', type: TYPE.float32, dims },
    ],
    [{ name: 'embedding', type: TYPE.float32, dims: ['batch', width] }],
  );
}

/**
 * Its weights, for other frameworks: [from, to] of a dense layer.
 * @param {ReturnType<typeof encoderWeights>} weights
 */
export function encoderTensors({ tokens, positions, norm, layers }) {
  const { width, vocabulary, positions: places } = SHAPE;
  return [
    { name: 'tokens', dims: [vocabulary, width], values: tokens },
    { name: 'positions', dims: [places, width], values: positions },
    ...normTensors('norm', norm),
    ...layers.flatMap((layer, i) =>
      Object.entries(layer).flatMap(([part, values]) =>
        'scale' in values
          ? normTensors(`layers.${i}.${part}`, values)
          : denseTensors(`layers.${i}.${part}`, values),
      ),
    ),
  ];
}

function normTensors(name, { scale, shift }) {
  return [
    { name: `${name}.scale`, dims: [scale.length], values: scale },
    { name: `${name}.shift`, dims: [shift.length], values: shift },
  ];
}

function denseTensors(name, { from, to, weight, bias }) {
  return [
    { name: `${name}.weight`, dims: [from, to], values: weight },
    { name: `${name}.bias`, dims: [to], values: bias },
  ];
}

function methods(graph) {
  return { node: graph.node.bind(graph), weight: graph.weight.bind(graph) };
}

function addLayer(graph, name, input, layer, away, { split, merge, root }) {
  const { node } = methods(graph);
  const headed = (part, perm) => {
    const flat = addDense(graph, `${name}.${part}`, input, layer[part]);
    const parted = node('Reshape', [flat, split], `${name}.${part}.parted`);
    return node('Transpose', [parted], `${name}.${part}.heads`, { perm });
  };
  const query = node('Mul', [headed('query', [0, 2, 1, 3]), root], `${name}.query.scaled`);
  const scores = node('MatMul', [query, headed('key', [0, 2, 3, 1])], `${name}.scores`);
  const masked = node('Add', [scores, away], `${name}.masked`);
  const shares = node('Softmax', [masked], `${name}.shares`, { axis: 3 });
  const mixed = node('MatMul', [shares, headed('value', [0, 2, 1, 3])], `${name}.mixed`);
  const turned = node('Transpose', [mixed], `${name}.turned`, { perm: [0, 2, 1, 3] });
  const merged = node('Reshape', [turned, merge], `${name}.merged`);
  const joined = addDense(graph, `${name}.joined`, merged, layer.joined);
  const attended = addNorm(graph, `${name}.norm1`, node('Add', [input, joined], `${name}.sum1`), layer.norm1);
  const inner = addGelu(graph, `${name}.gelu`, addDense(graph, `${name}.up`, attended, layer.up));
  const down = addDense(graph, `${name}.down`, inner, layer.down);
  return addNorm(graph, `${name}.norm2`, node('Add', [attended, down], `${name}.sum2`), layer.norm2);
}

function addDense(graph, name, input, { from, to, weight, bias }) {
  const product = graph.node(
    'MatMul',
    [input, graph.weight(`${name}.weight`, [from, to], weight)],
    `${name}.product`,
  );
  return graph.node('Add', [product, graph.weight(`${name}.bias`, [to], bias)], name);
}

function addNorm(graph, name, input, { scale, shift }) {
  const weights = [
    graph.weight(`${name}.scale`, [scale.length], scale),
    graph.weight(`${name}.shift`, [shift.length], shift),
  ];
  return graph.node('LayerNormalization', [input, ...weights], name, {
    axis: 2,
    epsilon: { float: EPSILON },
  });
}

/** x ÷ 2 × (1 + tanh(√(2 ÷ π) × (x + 0.044715 × x³))) */
export const GELU = { cubic: 0.044715, root: Math.sqrt(2 / Math.PI) };

function addGelu(graph, name, x) {
  const part = (operator, inputs, suffix) => graph.node(operator, inputs, `${name}.${suffix}`);
  const cube = part('Mul', [part('Mul', [x, x], 'square'), x], 'cube');
  const bent = part('Mul', [cube, graph.number(`${name}.cubic`, GELU.cubic)], 'bent');
  const inner = part(
    'Mul',
    [part('Add', [x, bent], 'inside'), graph.number(`${name}.root`, GELU.root)],
    'inner',
  );
  const share = part('Add', [part('Tanh', [inner], 'tanh'), graph.number(`${name}.one`, 1)], 'share');
  const half = part('Mul', [x, graph.number(`${name}.half`, 0.5)], 'halved');
  return graph.node('Mul', [half, share], name);
}
