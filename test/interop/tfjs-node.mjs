// @ts-check
// Run by tfjs-node.sh, in an application that has penstock and both packages: `node tfjs-node.mjs REPOSITORY`.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { runJob } from 'penstock';

const repository = process.argv[2] ?? '.';
const digits = join(repository, 'native-models/digits');
const folder = mkdtempSync(join(tmpdir(), 'penstock-interop-'));

const MODELS = [
  { name: 'SavedModel', uri: 'saved-model', input: 'image' },
  { name: 'graph model', uri: 'tfjs-graph', input: 'image' },
  { name: 'layers model', uri: 'tfjs/model.json', input: 'conv1_input' },
];

/**
 * @param {object} model
 * @param {string} input
 * @param {string} name
 */
async function predict(model, input, name) {
  const uri = join(folder, name);
  const report = await runJob({
    source: { uri: join(repository, 'examples/digits/digits.arrow') },
    model,
    inputs: { [input]: { column: 'pixels', scale: 1 / 255 } },
    sink: { uri },
  });
  const parts = readdirSync(uri)
    .filter((part) => part.startsWith('part-'))
    .sort();
  /** @type {number[]} */
  const logits = [];
  for (const part of parts) {
    const rows = tableFromIPC(readFileSync(join(uri, part))).getChild('logits');
    for (const row of rows ?? []) logits.push(...row);
  }
  return { report, logits };
}

let passed = 0;
let failed = 0;

/**
 * @param {string} name
 * @param {() => Promise<void>} body
 */
async function test(name, body) {
  try {
    await body();
    passed++;
    console.log(`✓ ${name}`);
  } catch (error) {
    failed++;
    console.log(`✗ ${name}\n`, error);
  }
}

const onnx = await predict({ uri: join(digits, 'digits.onnx') }, 'image', 'onnx');

for (const provider of ['tfjs-node-gpu', 'tfjs-node']) {
  for (const { name, uri, input } of MODELS) {
    await test(`${name} on ${provider}`, async () => {
      const model = { uri: join(digits, uri), runtime: 'tensorflow', providers: [provider] };
      const { report, logits } = await predict(model, input, `${provider}-${uri.replace('/', '-')}`);
      assert.equal(report.rows.written, 2000);
      assert.equal(logits.length, onnx.logits.length);
      const differences = logits.map((value, i) => Math.abs(value - onnx.logits[i]));
      const most = differences.reduce((largest, value) => Math.max(largest, value), 0);
      assert.ok(most < 1e-4, `logits differ by ${most}`);
      const [device] = report.devices;
      assert.deepEqual([device?.runtime, device?.provider], ['tensorflow', provider]);
      const silent = provider === 'tfjs-node' || device?.gpu === true;
      assert.equal(report.warnings.length, silent ? 0 : 1, report.warnings.join('; '));
      console.log(
        `  ${Math.round(2000 / (report.seconds - report.startupSeconds))} rows/s, logits differ by ${most}`,
      );
    });
  }
}

await test('two instances compute in two threads', async () => {
  const model = {
    uri: join(digits, 'saved-model'),
    runtime: 'tensorflow',
    providers: ['tfjs-node'],
    instances: 2,
  };
  const { report } = await predict(model, 'image', 'two');
  assert.equal(report.rows.written, 2000);
});

rmSync(folder, { recursive: true });
console.log(`tests: ${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 ? 0 : 1;
